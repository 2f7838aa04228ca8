//! The newest events, for whoever watches.
//!
//! The driver publishes events as they become true; this keeps the last thousand as the API shows
//! them, so that a watcher can begin with what has just happened and miss nothing after it.

mod view;

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use insula_proto::rest;
use insula_types::TenantId;
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;

use crate::partition::{Handle, Stamped};

/// How many events are kept.
const KEPT: usize = 1_000;
/// How far a watcher may fall behind before it misses some.
const BEHIND_MAX: usize = 4_096;

/// An event with the tenant that may see it; none if every tenant of the cell may.
#[derive(Debug)]
pub struct Seen {
    /// See above.
    pub tenant: Option<TenantId>,
    /// As the API shows it.
    pub event: rest::Event,
}

/// The newest events of a cell.
#[derive(Debug, Clone)]
pub struct EventLog {
    kept: Arc<Mutex<VecDeque<Arc<Seen>>>>,
    live: broadcast::Sender<Arc<Seen>>,
}

impl EventLog {
    /// Collects the events of a partition for as long as its driver runs.
    #[must_use]
    pub fn follow(handle: &Handle) -> Self {
        let (live, _) = broadcast::channel(BEHIND_MAX);
        let log = Self {
            kept: Arc::default(),
            live,
        };
        tokio::spawn(log.clone().collect(handle.events()));
        log
    }

    /// The newest `tail` events, and a receiver of all that come after them.
    #[must_use]
    pub fn watch(&self, tail: usize) -> (Vec<Arc<Seen>>, broadcast::Receiver<Arc<Seen>>) {
        let kept = self.lock();
        let past = kept
            .iter()
            .skip(kept.len().saturating_sub(tail))
            .cloned()
            .collect();
        // Under the lock, so that no event falls between the two.
        (past, self.live.subscribe())
    }

    async fn collect(self, mut events: broadcast::Receiver<Arc<Stamped>>) {
        loop {
            match events.recv().await {
                Ok(stamped) => self.push(&stamped),
                Err(RecvError::Lagged(missed)) => {
                    tracing::warn!(missed, "the event log fell behind and misses events");
                }
                Err(RecvError::Closed) => return,
            }
        }
    }

    fn push(&self, stamped: &Stamped) {
        let tenant = stamped.event.kind.tenant().cloned();
        let seen = Arc::new(Seen {
            tenant,
            event: view::event(stamped),
        });
        let mut kept = self.lock();
        if kept.len() == KEPT {
            kept.pop_front();
        }
        kept.push_back(Arc::clone(&seen));
        // Without a watcher there is nobody to tell.
        let _ = self.live.send(seen);
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<Arc<Seen>>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
