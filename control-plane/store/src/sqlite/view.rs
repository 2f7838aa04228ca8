//! Snapshots for reading: rows and the commit that they are as of (rule R13).

use insula_types::CellId;
use sqlx::{Row, Sqlite, Transaction};

use super::Store;
use crate::error::failed_to;
use crate::page::PAGE_ROWS_MAX;
use crate::{CommitNo, Error};

/// One snapshot, opened for one page of a list.
pub(super) struct View {
    /// Where to read; ends unchanged when it is dropped.
    pub(super) snapshot: Transaction<'static, Sqlite>,
    /// The last commit that the snapshot shows.
    pub(super) as_of: CommitNo,
    /// Rows of the page.
    pub(super) limit: usize,
    /// Rows to read: one more, which tells whether the list goes on.
    pub(super) fetch: i64,
}

impl Store {
    pub(super) async fn view(&self, cell: &CellId, limit: usize) -> Result<View, Error> {
        let limit = limit.clamp(1, PAGE_ROWS_MAX);
        let mut snapshot = self
            .readers
            .begin()
            .await
            .map_err(failed_to("begin to read"))?;
        let sql = "SELECT coalesce(partition_head.commit_no, 0) AS commit_no
                   FROM cell LEFT JOIN partition_head USING (partition) WHERE cell.cell = ?";
        let row = sqlx::query(sql)
            .bind(cell.as_str())
            .fetch_optional(&mut *snapshot)
            .await
            .map_err(failed_to("read a partition's head"))?;
        let Some(row) = row else {
            return Err(Error::CellUnknown(cell.clone()));
        };
        let commit_no = row
            .try_get::<i64, _>("commit_no")
            .map_err(failed_to("read a head"))?;
        let as_of = CommitNo(commit_no.cast_unsigned());
        let fetch = i64::try_from(limit).unwrap_or(i64::MAX).saturating_add(1);
        Ok(View {
            snapshot,
            as_of,
            limit,
            fetch,
        })
    }
}
