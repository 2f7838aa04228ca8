//! Which agents are connected to this process.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use insula_proto::convert::agent::ServiceMessage;
use insula_types::AgentId;
use tokio::sync::mpsc;

/// Requests that may wait for an agent's connection to take them: readers are people and their
/// scripts, and each waits for an answer.
const WAITING_MAX: usize = 256;

/// Puts gateway messages (not the kernel's) into an agent's connection.
pub type AgentSender = mpsc::Sender<ServiceMessage>;

/// The agents that are connected to this process, by id.
#[derive(Debug, Clone, Default)]
pub struct AgentConnections {
    senders: Arc<Mutex<HashMap<AgentId, AgentSender>>>,
}

impl AgentConnections {
    /// Announces a connection; the newest of an agent is the one that is used.
    #[must_use]
    pub fn open(&self, agent: &AgentId) -> (AgentSender, mpsc::Receiver<ServiceMessage>) {
        let (sender, receiver) = mpsc::channel(WAITING_MAX);
        self.lock().insert(agent.clone(), sender.clone());
        (sender, receiver)
    }

    /// Withdraws a connection, unless a newer one has taken its place.
    pub fn close(&self, agent: &AgentId, sender: &AgentSender) {
        let mut senders = self.lock();
        if senders
            .get(agent)
            .is_some_and(|current| current.same_channel(sender))
        {
            senders.remove(agent);
        }
    }

    /// The newest connection of an agent, if it is connected.
    #[must_use]
    pub fn get(&self, agent: &AgentId) -> Option<AgentSender> {
        self.lock().get(agent).cloned()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<AgentId, AgentSender>> {
        self.senders.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
