//! Operators' settings of roles.

use insula_types::record::RoleRow;
use insula_types::{CellId, FORMAT_VERSION};
use sqlx::SqliteConnection;
use sqlx::sqlite::SqliteRow;

use super::Store;
use super::columns::Columns;
use super::values::{Statement, Values};
use crate::Error;
use crate::error::failed_to;
use crate::page::{Page, cut};

const UPSERT: Statement = Statement {
    table: "role",
    head: "INSERT INTO role (cell, path, tenant, weight_millis, limits, format_version) VALUES",
    columns: 6,
    tail: "ON CONFLICT (cell, path) DO UPDATE SET
               weight_millis = excluded.weight_millis,
               limits = excluded.limits,
               format_version = excluded.format_version",
};

pub(super) async fn upsert(
    connection: &mut SqliteConnection,
    cell: &CellId,
    rows: &[&RoleRow],
) -> Result<(), Error> {
    let bind = |values: Values, row: &&RoleRow| {
        values
            .text(cell.as_str())
            .text(&row.path)
            .text(row.path.split('/').next().unwrap_or_default())
            .number(row.weight)
            .json(&row.limit)
            .number(FORMAT_VERSION.into())
    };
    UPSERT.execute(connection, rows, bind).await?;
    Ok(())
}

pub(super) async fn load(
    connection: &mut SqliteConnection,
    cell: &CellId,
) -> Result<Vec<RoleRow>, Error> {
    let sql = "SELECT path, weight_millis, limits, format_version FROM role
               WHERE cell = ? ORDER BY path";
    let rows = sqlx::query(sql)
        .bind(cell.as_str())
        .fetch_all(connection)
        .await
        .map_err(failed_to("read roles"))?;
    rows.iter().map(decode).collect()
}

impl Store {
    /// Roles with settings of their own, by path, starting after `after`.
    ///
    /// # Errors
    /// If the database does not answer, or a row cannot be read.
    pub async fn roles(
        &self,
        cell: &CellId,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Page<RoleRow>, Error> {
        let mut view = self.view(cell, limit).await?;
        let sql = "SELECT path, weight_millis, limits, format_version FROM role
                   WHERE cell = ? AND path > ? ORDER BY path LIMIT ?";
        let rows = sqlx::query(sql)
            .bind(cell.as_str())
            .bind(after.unwrap_or_default())
            .bind(view.fetch)
            .fetch_all(&mut *view.snapshot)
            .await
            .map_err(failed_to("list roles"))?;
        let rows = rows.iter().map(decode).collect::<Result<_, _>>()?;
        Ok(cut(rows, view.limit, view.as_of))
    }
}

fn decode(row: &SqliteRow) -> Result<RoleRow, Error> {
    let columns = Columns::of("role", row)?;
    Ok(RoleRow {
        path: columns.text("path")?,
        weight: columns.number("weight_millis")?,
        limit: columns.json("limits")?,
    })
}
