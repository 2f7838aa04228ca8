//! Cells: which partition each belongs to, and its own row.

use insula_types::record::CellRow;
use insula_types::{CellId, FORMAT_VERSION, PartitionId};
use sqlx::SqliteConnection;

use super::Store;
use super::columns::Columns;
use super::values::micros;
use crate::Error;
use crate::error::failed_to;

impl Store {
    /// Makes a cell of the partition; does nothing if it exists.
    ///
    /// # Errors
    /// If the database does not do it.
    pub async fn create_cell(
        &self,
        cell: &CellId,
        partition: PartitionId,
        row: &CellRow,
    ) -> Result<(), Error> {
        let sql = "INSERT INTO cell (cell, partition, seed, time_us, format_version)
                   VALUES (?, ?, ?, ?, ?)
                   ON CONFLICT (cell) DO NOTHING";
        sqlx::query(sql)
            .bind(cell.as_str())
            .bind(partition.0)
            .bind(row.seed.cast_signed())
            .bind(micros(row.time))
            .bind(FORMAT_VERSION)
            .execute(&self.writer)
            .await
            .map_err(failed_to("create a cell"))?;
        Ok(())
    }

    /// The cells of a partition, by id.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn cells(&self, partition: PartitionId) -> Result<Vec<CellId>, Error> {
        let sql = "SELECT cell, format_version FROM cell WHERE partition = ? ORDER BY cell";
        let rows = sqlx::query(sql)
            .bind(partition.0)
            .fetch_all(&self.readers)
            .await
            .map_err(failed_to("list cells"))?;
        rows.iter()
            .map(|row| Columns::of("cell", row)?.id("cell"))
            .collect()
    }
}

pub(super) async fn update(
    connection: &mut SqliteConnection,
    cell: &CellId,
    row: &CellRow,
) -> Result<(), Error> {
    let sql = "UPDATE cell SET seed = ?, time_us = ?, format_version = ? WHERE cell = ?";
    let done = sqlx::query(sql)
        .bind(row.seed.cast_signed())
        .bind(micros(row.time))
        .bind(FORMAT_VERSION)
        .bind(cell.as_str())
        .execute(connection)
        .await
        .map_err(failed_to("write a cell"))?;
    if done.rows_affected() == 0 {
        return Err(Error::CellUnknown(cell.clone()));
    }
    Ok(())
}

pub(super) async fn load(
    connection: &mut SqliteConnection,
    cell: &CellId,
) -> Result<Option<CellRow>, Error> {
    let sql = "SELECT seed, time_us, format_version FROM cell WHERE cell = ?";
    let row = sqlx::query(sql)
        .bind(cell.as_str())
        .fetch_optional(connection)
        .await
        .map_err(failed_to("read a cell"))?;
    let Some(row) = row else {
        return Ok(None);
    };
    let columns = Columns::of("cell", &row)?;
    Ok(Some(CellRow {
        seed: columns.bits("seed")?,
        time: columns.time("time_us")?,
    }))
}
