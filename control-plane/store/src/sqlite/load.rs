//! Everything a kernel is loaded from, in one snapshot.

use insula_types::CellId;
use insula_types::record::Rows;

use super::{Store, agent, cell, framework, request, role, task};
use crate::Error;
use crate::error::failed_to;

impl Store {
    /// All rows of a cell that its kernel works with, each list sorted by its key.
    ///
    /// Take the partition first ([`Store::take`]): only then is certain that the rows no longer
    /// change under the new owner.
    ///
    /// # Errors
    /// [`Error::CellUnknown`] if there is no such cell; else if the database does not answer, or a
    /// row cannot be read.
    pub async fn load(&self, cell: &CellId) -> Result<Rows, Error> {
        let mut snapshot = self
            .readers
            .begin()
            .await
            .map_err(failed_to("begin to read"))?;
        let Some(row) = cell::load(&mut snapshot, cell).await? else {
            return Err(Error::CellUnknown(cell.clone()));
        };
        Ok(Rows {
            cell: row,
            roles: role::load(&mut snapshot, cell).await?,
            agents: agent::load(&mut snapshot, cell).await?,
            frameworks: framework::load(&mut snapshot, cell).await?,
            tasks: task::load(&mut snapshot, cell).await?,
            payloads: task::load_payloads(&mut snapshot, cell).await?,
            requests: request::load(&mut snapshot, cell).await?,
        })
    }
}
