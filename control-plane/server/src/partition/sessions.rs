//! The open sessions and their queues.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use insula_types::Epoch;
use insula_types::message::{Message, Peer};
use tokio::sync::mpsc;

/// Messages that may wait in one session. The kernel answers the largest reconciliation, 100,000
/// tasks, within a fraction of a second, faster than a client can read it: a bound below that would
/// cut a healthy session at every try. A queue takes memory only for what waits in it; a full one is
/// some tens of megabytes.
const QUEUE_MAX: usize = 131_072;

/// A message of the kernel, with the epoch that it was said in.
#[derive(Debug, Clone)]
pub struct Delivered {
    /// The owner's epoch.
    pub epoch: Epoch,
    /// What it says.
    pub message: Message,
}

/// All open sessions of the gateways in this process.
#[derive(Debug, Clone, Default)]
pub struct Sessions {
    queues: Arc<Mutex<HashMap<Peer, Queue>>>,
}

/// The driver's end of one session.
#[derive(Debug)]
struct Queue {
    sender: mpsc::Sender<Delivered>,
    cut: Arc<AtomicBool>,
}

/// One open session: the messages for a peer, until it is dropped or cut.
#[derive(Debug)]
pub struct Session {
    sessions: Sessions,
    peer: Peer,
    queue: mpsc::Receiver<Delivered>,
    cut: Arc<AtomicBool>,
}

impl Sessions {
    /// Opens a session. Open it before the input that makes the kernel speak to it.
    #[must_use]
    pub fn open(&self, peer: Peer) -> Session {
        let (sender, queue) = mpsc::channel(QUEUE_MAX);
        let cut = Arc::new(AtomicBool::new(false));
        let driver_end = Queue {
            sender,
            cut: Arc::clone(&cut),
        };
        self.lock().insert(peer.clone(), driver_end);
        Session {
            sessions: self.clone(),
            peer,
            queue,
            cut,
        }
    }

    /// Puts a message in its session's queue. A queue that is full is removed: the session ends
    /// after what it holds. For a peer without a session the message is lost, as it would be on a
    /// connection that broke.
    pub fn deliver(&self, peer: &Peer, delivered: Delivered) {
        let mut queues = self.lock();
        let Some(queue) = queues.get(peer) else {
            return;
        };
        if queue.sender.try_send(delivered).is_err() {
            queue.cut.store(true, Ordering::Release);
            queues.remove(peer);
        }
    }

    /// Ends one session after what it holds: what became of its peer's last call is not known
    /// (rule R16).
    pub fn close(&self, peer: &Peer) {
        self.lock().remove(peer);
    }

    /// Whether messages for a peer find a session.
    #[must_use]
    pub fn is_open(&self, peer: &Peer) -> bool {
        self.lock().contains_key(peer)
    }

    /// Ends all sessions: after a failed commit, what they were told may no longer be true.
    pub fn close_all(&self) {
        self.lock().clear();
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<Peer, Queue>> {
        self.queues.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Session {
    /// Whose session it is.
    #[must_use]
    pub fn peer(&self) -> &Peer {
        &self.peer
    }

    /// Whether the session was ended because its peer is too slow, which the kernel has not heard of
    /// (rule R18); not so when it was closed.
    #[must_use]
    pub fn was_cut(&self) -> bool {
        self.cut.load(Ordering::Acquire)
    }

    /// The next message; nothing once the session was cut or closed. Cancel-safe.
    pub async fn next(&mut self) -> Option<Delivered> {
        self.queue.recv().await
    }

    /// Up to `most` messages at once, at least one; none once the session was cut. Cancel-safe.
    pub async fn next_many(&mut self, into: &mut Vec<Delivered>, most: usize) -> usize {
        self.queue.recv_many(into, most).await
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        let mut queues = self.sessions.lock();
        // A newer session of the same name stays open.
        let is_mine = |queue: &Queue| Arc::ptr_eq(&queue.cut, &self.cut);
        if queues.get(&self.peer).is_some_and(is_mine) {
            queues.remove(&self.peer);
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use insula_types::message::ToAgent;

    use super::*;

    fn peer(agent: &str) -> Peer {
        Peer::Agent {
            agent: agent.into(),
            session: "session".into(),
        }
    }

    fn said() -> Delivered {
        Delivered {
            epoch: Epoch(1),
            message: Message::ToAgent(ToAgent::Resync),
        }
    }

    #[tokio::test]
    async fn the_end_of_an_old_session_leaves_a_newer_one_of_the_same_name() {
        let sessions = Sessions::default();
        let old = sessions.open(peer("agent"));
        let mut new = sessions.open(peer("agent"));
        drop(old);
        sessions.deliver(&peer("agent"), said());
        assert!(new.next().await.is_some());
    }

    #[tokio::test]
    async fn a_session_that_is_too_slow_is_cut_and_holds_up_nobody() {
        let sessions = Sessions::default();
        let mut slow = sessions.open(peer("slow"));
        let mut quick = sessions.open(peer("quick"));
        for _ in 0..=QUEUE_MAX {
            sessions.deliver(&peer("slow"), said());
            sessions.deliver(&peer("quick"), said());
            assert!(quick.next().await.is_some());
        }
        let mut held = Vec::new();
        while slow.next_many(&mut held, QUEUE_MAX).await > 0 {}
        assert_eq!(
            held.len(),
            QUEUE_MAX,
            "what it held comes first, then the end"
        );
        sessions.deliver(&peer("quick"), said());
        assert!(quick.next().await.is_some());
    }

    #[tokio::test]
    async fn a_message_without_a_session_is_lost() {
        let sessions = Sessions::default();
        drop(sessions.open(peer("gone")));
        sessions.deliver(&peer("gone"), said());
        let mut back = sessions.open(peer("gone"));
        sessions.close_all();
        assert!(back.next().await.is_none());
    }
}
