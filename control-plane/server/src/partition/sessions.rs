//! The open sessions and their queues.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use insula_telemetry::fresh;
use insula_types::message::{Message, Peer, ToAgent};
use insula_types::{CellId, Epoch, TraceContext};
use tokio::sync::mpsc;

use crate::metrics::{self, Measures};

/// Messages that may wait in one session. The kernel answers the largest reconciliation, 100,000
/// tasks, within a fraction of a second, faster than a client can read it: a bound below that would
/// cut a healthy session at every try. A queue takes memory only for what waits in it; a full one is
/// some tens of megabytes.
pub(crate) const QUEUE_MAX: usize = 131_072;

/// A message of the kernel, with the epoch that it was said in.
#[derive(Debug, Clone)]
pub struct Delivered {
    /// The owner's epoch.
    pub epoch: Epoch,
    /// The trace that it belongs to.
    pub trace: TraceContext,
    /// What it says.
    pub message: Message,
}

type Queues = HashMap<CellId, HashMap<Peer, Queue>>;

/// All open sessions of the gateways in this process, whoever owns their cells; and what is measured of
/// everything that goes to and from them.
#[derive(Debug, Clone, Default)]
pub struct Sessions {
    queues: Arc<Mutex<Queues>>,
    measures: Arc<Measures>,
}

/// How many sessions are open, and how full they are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SessionDepths {
    /// Sessions of frameworks.
    pub frameworks: usize,
    /// Sessions of agents.
    pub agents: usize,
    /// What waits in the fullest one.
    pub fullest: usize,
}

/// The sessions of one cell.
#[derive(Debug, Clone)]
pub struct CellSessions {
    pub(super) cell: CellId,
    pub(super) sessions: Sessions,
}

/// The sender's end of one session.
#[derive(Debug)]
struct Queue {
    opened: Instant,
    sender: mpsc::Sender<Delivered>,
    cut: Arc<AtomicBool>,
}

/// One open session: the messages for a peer, until it is dropped, cut or closed.
#[derive(Debug)]
pub struct Session {
    sessions: Sessions,
    cell: CellId,
    peer: Peer,
    queue: mpsc::Receiver<Delivered>,
    cut: Arc<AtomicBool>,
}

impl Sessions {
    /// No sessions yet, measured by these.
    #[must_use]
    pub fn measured(measures: Measures) -> Self {
        Self {
            queues: Arc::default(),
            measures: Arc::new(measures),
        }
    }

    /// What this process counts and measures.
    #[must_use]
    pub fn measures(&self) -> &Measures {
        &self.measures
    }

    /// How many there are, and how full they are.
    #[must_use]
    pub fn depths(&self) -> SessionDepths {
        let mut depths = SessionDepths::default();
        for (peer, queue) in self.lock().values().flatten() {
            match peer {
                Peer::Framework { .. } => depths.frameworks += 1,
                Peer::Agent { .. } => depths.agents += 1,
            }
            let waiting = queue.sender.max_capacity() - queue.sender.capacity();
            depths.fullest = depths.fullest.max(waiting);
        }
        depths
    }

    /// Opens a session. Open it before the input that makes the kernel speak to it.
    #[must_use]
    pub fn open(&self, cell: &CellId, peer: Peer) -> Session {
        let (sender, queue) = mpsc::channel(QUEUE_MAX);
        let cut = Arc::new(AtomicBool::new(false));
        let senders_end = Queue {
            opened: Instant::now(),
            sender,
            cut: Arc::clone(&cut),
        };
        let mut queues = self.lock();
        let of_cell = queues.entry(cell.clone()).or_default();
        of_cell.insert(peer.clone(), senders_end);
        Session {
            sessions: self.clone(),
            cell: cell.clone(),
            peer,
            queue,
            cut,
        }
    }

    /// The sessions of one cell.
    #[must_use]
    pub fn of(&self, cell: &CellId) -> CellSessions {
        CellSessions {
            cell: cell.clone(),
            sessions: self.clone(),
        }
    }

    /// Puts a message in its session's queue. A queue that is full is removed: the session ends
    /// after what it holds. A message for a peer without a session is given back.
    pub fn deliver(&self, cell: &CellId, peer: &Peer, delivered: Delivered) -> Option<Delivered> {
        let mut queues = self.lock();
        let Some(of_cell) = queues.get_mut(cell) else {
            return Some(delivered);
        };
        let Some(queue) = of_cell.get(peer) else {
            return Some(delivered);
        };
        if !queue.take(delivered) {
            self.measures.sessions_cut.one(metrics::peer(peer));
            of_cell.remove(peer);
        }
        None
    }

    /// Ends one session after what it holds: what became of its peer's last call is not known
    /// (rule R16).
    pub fn close(&self, cell: &CellId, peer: &Peer) {
        if let Some(of_cell) = self.lock().get_mut(cell) {
            of_cell.remove(peer);
        }
    }

    /// Whether messages for a peer find a session.
    #[must_use]
    pub fn is_open(&self, cell: &CellId, peer: &Peer) -> bool {
        let queues = self.lock();
        queues
            .get(cell)
            .is_some_and(|of_cell| of_cell.contains_key(peer))
    }

    /// What a cell's sessions were told may no longer be true, or others may have told more since
    /// (rule R17): frameworks' sessions end, and the frameworks subscribe again; agents stay
    /// connected and are asked to register again, in the name of the epoch that is over.
    pub fn reset(&self, cell: &CellId, epoch: Epoch) {
        self.end_frameworks(cell);
        self.resync(cell, epoch);
    }

    /// Ends the sessions of a cell's frameworks.
    pub fn end_frameworks(&self, cell: &CellId) {
        if let Some(of_cell) = self.lock().get_mut(cell) {
            of_cell.retain(|peer, _| matches!(peer, Peer::Agent { .. }));
        }
    }

    /// The cells that have open sessions.
    #[must_use]
    pub fn cells(&self) -> Vec<CellId> {
        self.lock().keys().cloned().collect()
    }

    /// Ends sessions of a cell's agents that were opened before that time, at most so many; says how
    /// many. The agents connect again, as a rule to another replica.
    pub fn end_agents(&self, cell: &CellId, opened_before: Instant, most: usize) -> usize {
        let mut queues = self.lock();
        let Some(of_cell) = queues.get_mut(cell) else {
            return 0;
        };
        let is_old = |peer: &Peer, queue: &mut Queue| {
            matches!(peer, Peer::Agent { .. }) && queue.opened < opened_before
        };
        of_cell.extract_if(is_old).take(most).count()
    }

    /// Asks a cell's agents to register again, in the name of an epoch.
    pub fn resync(&self, cell: &CellId, epoch: Epoch) {
        let mut queues = self.lock();
        let Some(of_cell) = queues.get_mut(cell) else {
            return;
        };
        let trace = fresh();
        of_cell.retain(|peer, queue| match peer {
            Peer::Framework { .. } => true,
            Peer::Agent { .. } => queue.take(Delivered {
                epoch,
                trace: trace.clone(),
                message: Message::ToAgent(ToAgent::Resync),
            }),
        });
    }

    fn lock(&self) -> MutexGuard<'_, Queues> {
        self.queues.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Queue {
    /// Whether there was room; if not, the session is over.
    fn take(&self, delivered: Delivered) -> bool {
        let taken = self.sender.try_send(delivered).is_ok();
        if !taken {
            self.cut.store(true, Ordering::Release);
        }
        taken
    }
}

impl CellSessions {
    /// See [`Sessions::open`].
    #[must_use]
    pub fn open(&self, peer: Peer) -> Session {
        self.sessions.open(&self.cell, peer)
    }

    /// See [`Sessions::close`].
    pub fn close(&self, peer: &Peer) {
        self.sessions.close(&self.cell, peer);
    }

    /// See [`Sessions::is_open`].
    #[must_use]
    pub fn is_open(&self, peer: &Peer) -> bool {
        self.sessions.is_open(&self.cell, peer)
    }
}

impl Session {
    /// Whose session it is.
    #[must_use]
    pub fn peer(&self) -> &Peer {
        &self.peer
    }

    /// What this process counts and measures.
    #[must_use]
    pub fn measures(&self) -> &Measures {
        self.sessions.measures()
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
        let Some(of_cell) = queues.get_mut(&self.cell) else {
            return;
        };
        // A newer session of the same name stays open.
        let is_mine = |queue: &Queue| Arc::ptr_eq(&queue.cut, &self.cut);
        if of_cell.get(&self.peer).is_some_and(is_mine) {
            of_cell.remove(&self.peer);
        }
        if of_cell.is_empty() {
            queues.remove(&self.cell);
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn cell() -> CellId {
        CellId::from("cell")
    }

    fn agent(agent: &str) -> Peer {
        Peer::Agent {
            agent: agent.into(),
            session: "session".into(),
        }
    }

    fn framework() -> Peer {
        Peer::Framework {
            framework: insula_types::FrameworkKey {
                tenant: "t".into(),
                framework: "f".into(),
            },
            session: "session".into(),
        }
    }

    fn said() -> Delivered {
        Delivered {
            epoch: Epoch(1),
            trace: TraceContext::default(),
            message: Message::ToAgent(ToAgent::Resync),
        }
    }

    #[tokio::test]
    async fn the_end_of_an_old_session_leaves_a_newer_one_of_the_same_name() {
        let sessions = Sessions::default();
        let old = sessions.open(&cell(), agent("agent"));
        let mut new = sessions.open(&cell(), agent("agent"));
        drop(old);
        sessions.deliver(&cell(), &agent("agent"), said());
        assert!(new.next().await.is_some());
    }

    #[tokio::test]
    async fn a_session_that_is_too_slow_is_cut_and_holds_up_nobody() {
        let sessions = Sessions::default();
        let mut slow = sessions.open(&cell(), agent("slow"));
        let mut quick = sessions.open(&cell(), agent("quick"));
        for _ in 0..=QUEUE_MAX {
            sessions.deliver(&cell(), &agent("slow"), said());
            sessions.deliver(&cell(), &agent("quick"), said());
            assert!(quick.next().await.is_some());
        }
        let mut held = Vec::new();
        while slow.next_many(&mut held, QUEUE_MAX).await > 0 {}
        assert_eq!(
            held.len(),
            QUEUE_MAX,
            "what it held comes first, then the end"
        );
        assert!(slow.was_cut());
        sessions.deliver(&cell(), &agent("quick"), said());
        assert!(quick.next().await.is_some());
    }

    #[tokio::test]
    async fn agents_that_were_here_for_long_are_sent_away_a_few_at_a_time() {
        let sessions = Sessions::default();
        let before = Instant::now();
        let mut of_framework = sessions.open(&cell(), framework());
        let mut old = ["a", "b", "c"].map(|name| sessions.open(&cell(), agent(name)));
        assert_eq!(sessions.end_agents(&cell(), before, 9), 0);
        let since = Instant::now();
        let _new = sessions.open(&cell(), agent("new"));
        assert_eq!(sessions.end_agents(&cell(), since, 2), 2);
        assert_eq!(sessions.end_agents(&cell(), since, 2), 1);
        assert_eq!(sessions.end_agents(&cell(), since, 2), 0);
        for session in &mut old {
            assert!(session.next().await.is_none());
            assert!(!session.was_cut());
        }
        assert!(sessions.is_open(&cell(), &agent("new")));
        sessions.deliver(&cell(), &framework(), said());
        assert!(of_framework.next().await.is_some());
    }

    #[tokio::test]
    async fn a_reset_ends_frameworks_sessions_and_asks_agents_to_register_again() {
        let sessions = Sessions::default();
        let mut of_agent = sessions.open(&cell(), agent("agent"));
        let mut of_framework = sessions.open(&cell(), framework());
        let elsewhere = CellId::from("elsewhere");
        let _other = sessions.open(&elsewhere, framework());
        sessions.reset(&cell(), Epoch(7));
        assert!(of_framework.next().await.is_none());
        assert!(!of_framework.was_cut());
        let asked = of_agent.next().await.unwrap();
        assert_eq!(asked.epoch, Epoch(7));
        assert_eq!(asked.message, Message::ToAgent(ToAgent::Resync));
        assert!(sessions.is_open(&elsewhere, &framework()));
    }
}
