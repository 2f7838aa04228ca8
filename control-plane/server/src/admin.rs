//! What an operator does beside the replicas: making the secrets of a service, adding cells, and the
//! way out after the database was restored from a backup.
//!
//! These need no replica that runs, and believe whoever has the database's address.

use std::time::SystemTime;

use insula_store::{PostgresOptions, Store};
use insula_types::{CellId, Epoch, PartitionId};
use uuid::Uuid;

use crate::authority::{self, Authority};

/// The database of a service.
pub struct Database {
    store: Store,
}

impl Database {
    /// Connects, and brings the tables to the shape of this build.
    ///
    /// # Errors
    /// If it cannot be reached or used, or a newer build migrated it.
    pub async fn connect(url: &str) -> Result<Self, insula_store::Error> {
        let store = Store::connect(url, PostgresOptions::default()).await?;
        Ok(Self { store })
    }

    /// Makes a cell unless it exists, and says in which partition it is.
    ///
    /// # Errors
    /// If the database does not do it.
    pub async fn add_cell(&self, cell: &CellId) -> Result<PartitionId, insula_store::Error> {
        self.store.add_cell(cell, None).await
    }

    /// All cells with their partitions.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn cells(&self) -> Result<Vec<(CellId, PartitionId)>, insula_store::Error> {
        self.store.all_cells().await
    }

    /// Makes every later epoch higher than `above`, ends every ownership, and says above what
    /// (rule R5).
    ///
    /// # Errors
    /// If the database does not do it.
    pub async fn recover(&self, above: Epoch) -> Result<Epoch, insula_store::Error> {
        self.store.recover(above).await
    }

    /// Closes the connections.
    pub async fn close(self) {
        self.store.close().await;
    }
}

/// The secrets of a new service, as the contents of two files.
pub struct NewService {
    /// The certificate authority with its key (PEM).
    pub authority: String,
    /// The operator's credential.
    pub credential: String,
}

/// Makes the secrets of a new service.
///
/// # Errors
/// [`authority::Error`] if the machine cannot make a key.
pub fn new_service() -> Result<NewService, authority::Error> {
    let authority = Authority::generate("insula service", SystemTime::now())?;
    let secret = format!("{}{}", Uuid::new_v4().simple(), Uuid::new_v4().simple());
    Ok(NewService {
        authority: authority.to_pem(),
        credential: format!("operator:{secret}\n"),
    })
}
