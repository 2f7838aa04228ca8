//! Operators' settings of roles.

use insula_types::record::RoleRow;
use insula_types::{CellId, FORMAT_VERSION};

use super::{AnyRow, Columns, Query, Row, Table};
use crate::Error;

pub(crate) const TABLE: Table = Table {
    name: "role",
    key: &["cell", "path"],
    fixed: &["tenant"],
    latest: &["weight_millis", "limits", "format_version"],
};

pub(crate) fn encode<'a>(values: Row<'_, 'a>, cell: &'a CellId, row: &'a RoleRow) {
    values
        .cell(cell)
        .text(row.path.as_str())
        .text(row.path.split('/').next().unwrap_or_default())
        .number(row.weight)
        .json(&row.limit)
        .number(FORMAT_VERSION.into());
}

pub(crate) fn load(cell: &CellId) -> Query<'_> {
    of_cell(cell).sql(" ORDER BY path")
}

pub(crate) fn page<'a>(cell: &'a CellId, after: Option<&'a str>, fetch: i64) -> Query<'a> {
    of_cell(cell)
        .sql(" AND path > ")
        .text(after.unwrap_or_default())
        .sql(" ORDER BY path LIMIT ")
        .number(fetch)
}

fn of_cell(cell: &CellId) -> Query<'_> {
    Query::new(TABLE.select(TABLE.name))
        .sql(" WHERE cell = ")
        .text(cell.as_str())
}

pub(crate) fn decode(row: AnyRow<'_>) -> Result<RoleRow, Error> {
    let columns = Columns::of(TABLE.name, row)?;
    Ok(RoleRow {
        path: columns.text("path")?,
        weight: columns.number("weight_millis")?,
        limit: columns.json("limits")?,
    })
}
