//! The newest events, for whoever watches.
//!
//! The driver publishes events as they become true; this keeps the last thousand as the API shows
//! them, so that a watcher can begin with what has just happened and miss nothing after it.

mod follow;
mod view;

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use insula_proto::rest;
use insula_types::{CellId, TenantId};
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;

use crate::cells::Handle;
use crate::partition::{Stamped, Unavailable};
use crate::stopping::Stopping;

pub(crate) use follow::follow;

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

/// The newest events of cells that are served here; cheap to clone.
///
/// What happened under another owner, or before a log was begun, is in the rows and not in here.
#[derive(Debug, Clone)]
pub struct EventLogs {
    stopping: Stopping,
    logs: Arc<Mutex<HashMap<CellId, EventLog>>>,
}

/// The newest events of a cell.
#[derive(Debug, Clone)]
pub struct EventLog {
    kept: Arc<Mutex<VecDeque<Arc<Seen>>>>,
    live: broadcast::Sender<Arc<Seen>>,
}

impl EventLogs {
    /// Collects nothing yet, and nothing more once the control plane ends.
    #[must_use]
    pub fn new(stopping: Stopping) -> Self {
        Self {
            stopping,
            logs: Arc::default(),
        }
    }

    /// The events of a cell that this process serves. They are collected from the first call on, for
    /// as long as the cell is served here.
    ///
    /// # Errors
    /// [`Unavailable`] if it is not.
    pub fn of(&self, cell: &Handle) -> Result<EventLog, Unavailable> {
        let here = cell.here().ok_or_else(Unavailable::default)?;
        let mut logs = self.lock();
        if let Some(log) = logs.get(cell.cell()) {
            return Ok(log.clone());
        }
        let (live, _) = broadcast::channel(BEHIND_MAX);
        let log = EventLog {
            kept: Arc::default(),
            live,
        };
        logs.insert(cell.cell().clone(), log.clone());
        let (logs, moved, ending) = (self.clone(), cell.moved(), self.stopping.ending());
        let (collected, events, cell) = (log.clone(), here.events(), cell.cell().clone());
        tokio::spawn(async move {
            tokio::select! {
                () = collected.collect(events) => {}
                () = moved => {}
                () = ending => {}
            }
            logs.lock().remove(&cell);
        });
        Ok(log)
    }

    /// How many cells there is a log of.
    fn count(&self) -> usize {
        self.lock().len()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<CellId, EventLog>> {
        self.logs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl EventLog {
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

    async fn collect(&self, mut events: broadcast::Receiver<Arc<Stamped>>) {
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
