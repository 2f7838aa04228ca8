//! Everything a kernel is loaded from, in one snapshot.

use insula_types::CellId;
use insula_types::record::Rows;

use super::Store;
use crate::Error;
use crate::rows::{agent, cell, framework, request, role, task};

const LOAD: &str = "load a cell";

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
        let places = self.places();
        let mut rows = self.snapshot().await?;
        let row = rows.all(cell::one(cell), LOAD, cell::decode).await?.pop();
        Ok(Rows {
            cell: row.ok_or_else(|| Error::CellUnknown(cell.clone()))?,
            roles: rows.all(role::load(cell), LOAD, role::decode).await?,
            agents: rows.all(agent::load(cell), LOAD, agent::decode).await?,
            frameworks: rows
                .all(framework::load(cell), LOAD, framework::decode)
                .await?,
            tasks: rows
                .all(task::live(places, cell), LOAD, task::decode)
                .await?,
            payloads: rows
                .all(
                    task::unconfirmed_payloads(places, cell),
                    LOAD,
                    task::decode_payload_of,
                )
                .await?,
            requests: rows.all(request::load(cell), LOAD, request::decode).await?,
        })
    }
}
