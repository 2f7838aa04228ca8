//! Cells: which partition each belongs to, and its own row.

use insula_types::record::CellRow;
use insula_types::{CellId, FORMAT_VERSION, PartitionId};

use super::{AnyRow, Columns, Query, Row, Table};
use crate::{CommitNo, Error};

pub(crate) const TABLE: Table = Table {
    name: "cell",
    key: &["cell"],
    fixed: &["partition"],
    latest: &["seed", "time_us", "format_version"],
};

/// What [`encode`] gives: all but the partition, which no commit changes.
pub(crate) const UPDATED: &[&str] = &["cell", "seed", "time_us", "format_version"];

pub(crate) fn encode<'a>(values: Row<'_, 'a>, cell: &'a CellId, row: &CellRow) {
    values
        .cell(cell)
        .bits(row.seed)
        .time(row.time)
        .number(FORMAT_VERSION.into());
}

pub(crate) fn create<'a>(cell: &'a CellId, partition: PartitionId, row: &CellRow) -> Query<'a> {
    Query::new(TABLE.insert())
        .sql(" VALUES (")
        .text(cell.as_str())
        .sql(", ")
        .number(partition.0.into())
        .sql(", ")
        .number(row.seed.cast_signed())
        .sql(", ")
        .number(super::micros(row.time))
        .sql(", ")
        .number(FORMAT_VERSION.into())
        .sql(") ON CONFLICT (cell) DO NOTHING")
}

pub(crate) fn one(cell: &CellId) -> Query<'_> {
    Query::new(TABLE.select(TABLE.name))
        .sql(" WHERE cell = ")
        .text(cell.as_str())
}

pub(crate) fn of_partition(partition: PartitionId) -> Query<'static> {
    Query::new(TABLE.select(TABLE.name))
        .sql(" WHERE partition = ")
        .number(partition.0.into())
        .sql(" ORDER BY cell")
}

/// The cell of a partition whose persisted time is the latest.
pub(crate) fn latest(partition: PartitionId) -> Query<'static> {
    Query::new(TABLE.select(TABLE.name))
        .sql(" WHERE partition = ")
        .number(partition.0.into())
        .sql(" ORDER BY time_us DESC LIMIT 1")
}

pub(crate) fn all() -> Query<'static> {
    Query::new(TABLE.select(TABLE.name)).sql(" ORDER BY cell")
}

/// The last commit of the cell's partition; no row if there is no such cell.
pub(crate) fn as_of(cell: &CellId) -> Query<'_> {
    Query::new(
        "SELECT coalesce(partition_head.commit_no, 0) AS commit_no, cell.format_version
         FROM cell LEFT JOIN partition_head USING (partition) WHERE cell.cell = ",
    )
    .text(cell.as_str())
}

pub(crate) fn decode(row: AnyRow<'_>) -> Result<CellRow, Error> {
    let columns = Columns::of(TABLE.name, row)?;
    Ok(CellRow {
        seed: columns.bits("seed")?,
        time: columns.time("time_us")?,
    })
}

pub(crate) fn decode_id(row: AnyRow<'_>) -> Result<CellId, Error> {
    Columns::of(TABLE.name, row)?.id("cell")
}

/// A cell with its partition.
pub(crate) fn decode_place(row: AnyRow<'_>) -> Result<(CellId, PartitionId), Error> {
    let columns = Columns::of(TABLE.name, row)?;
    let partition = columns.number("partition").map(PartitionId)?;
    Ok((columns.id("cell")?, partition))
}

pub(crate) fn decode_as_of(row: AnyRow<'_>) -> Result<CommitNo, Error> {
    Columns::of(TABLE.name, row)?
        .number("commit_no")
        .map(CommitNo)
}
