//! Which other replica each agent is connected to.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use insula_types::{AgentId, CellId, ReplicaId};

type Places = HashMap<CellId, HashMap<AgentId, ReplicaId>>;

/// Where the agents' newest sessions came from, as the driver learns it and gateways ask it: bytes
/// that are no messages go straight to the replica where the agent is.
#[derive(Debug, Clone, Default)]
pub(super) struct Whereabouts(Arc<Mutex<Places>>);

impl Whereabouts {
    /// The other replica that an agent is connected to, if it is.
    pub(super) fn of(&self, cell: &CellId, agent: &AgentId) -> Option<ReplicaId> {
        self.lock().get(cell)?.get(agent).cloned()
    }

    /// An agent has spoken by way of another replica.
    pub(super) fn set(&self, cell: &CellId, agent: &AgentId, replica: &ReplicaId) {
        let mut places = self.lock();
        let of_cell = places.entry(cell.clone()).or_default();
        if of_cell.get(agent) != Some(replica) {
            of_cell.insert(agent.clone(), replica.clone());
        }
    }

    /// An agent is not there any more, or spoke in this process.
    pub(super) fn forget(&self, cell: &CellId, agent: &AgentId) {
        let mut places = self.lock();
        if let Some(of_cell) = places.get_mut(cell) {
            of_cell.remove(agent);
            if of_cell.is_empty() {
                places.remove(cell);
            }
        }
    }

    /// Forgets everything.
    pub(super) fn clear(&self) {
        self.lock().clear();
    }

    fn lock(&self) -> MutexGuard<'_, Places> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
