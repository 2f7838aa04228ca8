//! Which cell is in which partition.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use insula_store::Store;
use insula_types::{CellId, ErrorCode, PartitionId};

use super::Handle;
use crate::gateway::ApiError;
use crate::link::Links;
use crate::partition::Sessions;
use crate::replica::{Owner, Owners};

/// The cells that there are; cheap to clone.
#[derive(Clone)]
pub struct Cells {
    pub(super) shared: Arc<Shared>,
}

pub(super) struct Shared {
    store: Store,
    pub(super) owners: Owners,
    pub(super) links: Option<Links>,
    pub(super) sessions: Sessions,
    /// As of the last look. A cell is never removed, so what is in here is there.
    partitions: RwLock<HashMap<CellId, PartitionId>>,
}

/// Why a cell was not found.
#[derive(Debug, thiserror::Error)]
pub enum FindError {
    /// There is none of that id.
    #[error("there is no cell '{0}'")]
    Unknown(CellId),
    /// Whether there is one is not known.
    #[error("cannot look for the cell '{0}'")]
    Store(CellId, #[source] insula_store::Error),
}

impl Cells {
    /// The cells of a store. Without `links` only those are reached that this process owns.
    #[must_use]
    pub fn new(store: Store, owners: Owners, links: Option<Links>, sessions: Sessions) -> Self {
        let shared = Shared {
            store,
            owners,
            links,
            sessions,
            partitions: RwLock::default(),
        };
        Self {
            shared: Arc::new(shared),
        }
    }

    /// A handle to a cell. One that was not heard of before is looked for in the store.
    ///
    /// # Errors
    /// See [`FindError`].
    pub async fn find(&self, cell: &CellId) -> Result<Handle, FindError> {
        if let Some(partition) = self.known(cell) {
            return Ok(self.handle(cell, partition));
        }
        let all = self.shared.store.all_cells().await;
        let all = all.map_err(|error| FindError::Store(cell.clone(), error))?;
        *self
            .shared
            .partitions
            .write()
            .unwrap_or_else(PoisonError::into_inner) = all.into_iter().collect();
        match self.known(cell) {
            Some(partition) => Ok(self.handle(cell, partition)),
            None => Err(FindError::Unknown(cell.clone())),
        }
    }

    /// Who owns what.
    #[must_use]
    pub fn owners(&self) -> &Owners {
        &self.shared.owners
    }

    /// The sessions of this process' gateways.
    #[must_use]
    pub fn sessions(&self) -> &Sessions {
        &self.shared.sessions
    }

    /// The links to owners in other replicas; nothing where there are none.
    #[must_use]
    pub fn links(&self) -> Option<&Links> {
        self.shared.links.as_ref()
    }

    /// The cells with sessions in this process of which no other replica is known to be the owner.
    #[must_use]
    pub fn without_other_owner(&self) -> Vec<CellId> {
        let mut cells = self.shared.sessions.cells();
        cells.retain(|cell| {
            let owner = self.known(cell).map(|it| self.shared.owners.of(it));
            matches!(owner, Some(Owner::Here(_) | Owner::Nobody))
        });
        cells
    }

    fn known(&self, cell: &CellId) -> Option<PartitionId> {
        let known = self.shared.partitions.read();
        let known = known.unwrap_or_else(PoisonError::into_inner);
        known.get(cell).copied()
    }

    fn handle(&self, cell: &CellId, partition: PartitionId) -> Handle {
        Handle {
            shared: Arc::clone(&self.shared),
            cell: cell.clone(),
            partition,
        }
    }
}

impl From<FindError> for ApiError {
    fn from(error: FindError) -> Self {
        match error {
            FindError::Unknown(_) => {
                Self::not_found(error.to_string()).hint("`insula admin cell ls` lists them")
            }
            FindError::Store(..) => Self::new(ErrorCode::Unavailable, error.to_string())
                .hint("the database does not answer; try again in a moment")
                .because(&error),
        }
    }
}
