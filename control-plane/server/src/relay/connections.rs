//! Which agents are connected to this process.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use insula_proto::convert::agent::ServiceMessage;
use insula_types::{AgentId, TraceContext};
use tokio::sync::{MutexGuard, mpsc};

/// Requests that may wait for an agent's connection to take them: readers are people and their
/// scripts, and each waits for an answer.
const WAITING_MAX: usize = 256;

/// A message of a gateway to an agent, with the context of whoever asks.
#[derive(Debug)]
pub struct Asking {
    /// The context.
    pub trace: TraceContext,
    /// The message.
    pub message: ServiceMessage,
}

/// Puts gateway messages (not the kernel's) into an agent's connection.
pub type AgentSender = mpsc::Sender<Asking>;

/// The agents that are connected to this process, by id.
#[derive(Debug, Clone, Default)]
pub struct AgentConnections {
    agents: Arc<Mutex<HashMap<AgentId, Connected>>>,
}

/// An agent that is or was connected. It stays when it goes, since what an old connection still has
/// to say must be known as old: as many of these as agents, a few hundred bytes each.
#[derive(Debug, Default)]
struct Connected {
    newest: Arc<AtomicU64>,
    turn: Arc<Turn>,
    sender: Option<AgentSender>,
}

type Turn = tokio::sync::Mutex<()>;

/// The right of one connection to speak for its agent, for as long as it is the newest.
///
/// Two connections of an agent can be open at once, and the older one's last words can come after
/// the newer one's first: an old registration would then undo a new one, and its old watermark look
/// like a machine that was set back (rule R27).
#[derive(Debug)]
pub struct Line {
    number: u64,
    newest: Arc<AtomicU64>,
    turn: Arc<Turn>,
}

impl Line {
    /// Waits for its turn and keeps it until the guard is dropped; nothing once a newer connection
    /// was opened, even if that one has ended again.
    pub async fn speak(&self) -> Option<MutexGuard<'_, ()>> {
        let turn = self.turn.lock().await;
        let is_newest = self.newest.load(Ordering::Acquire) == self.number;
        is_newest.then_some(turn)
    }
}

impl AgentConnections {
    /// Announces a connection; the newest of an agent is the one that is used.
    #[must_use]
    pub fn open(&self, agent: &AgentId) -> (Line, AgentSender, mpsc::Receiver<Asking>) {
        let (sender, receiver) = mpsc::channel(WAITING_MAX);
        let mut agents = self.lock();
        let connected = agents.entry(agent.clone()).or_default();
        connected.sender = Some(sender.clone());
        let line = Line {
            number: connected.newest.fetch_add(1, Ordering::AcqRel) + 1,
            newest: Arc::clone(&connected.newest),
            turn: Arc::clone(&connected.turn),
        };
        (line, sender, receiver)
    }

    /// Withdraws a connection, unless a newer one has taken its place.
    pub fn close(&self, agent: &AgentId, sender: &AgentSender) {
        let mut agents = self.lock();
        if let Some(connected) = agents.get_mut(agent) {
            connected
                .sender
                .take_if(|current| current.same_channel(sender));
        }
    }

    /// The newest connection of an agent, if it is connected.
    #[must_use]
    pub fn get(&self, agent: &AgentId) -> Option<AgentSender> {
        self.lock().get(agent)?.sender.clone()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<AgentId, Connected>> {
        self.agents.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_old_connection_never_speaks_again_even_after_the_newer_one_has_ended() {
        let connections = AgentConnections::default();
        let agent = AgentId::from("a");
        let (old, old_sender, _old_receiver) = connections.open(&agent);
        assert!(old.speak().await.is_some());
        let (new, new_sender, _new_receiver) = connections.open(&agent);
        assert!(old.speak().await.is_none());
        assert!(new.speak().await.is_some());
        connections.close(&agent, &old_sender);
        assert!(connections.get(&agent).is_some(), "the newer one stays");
        connections.close(&agent, &new_sender);
        assert!(connections.get(&agent).is_none());
        assert!(old.speak().await.is_none());
    }
}
