//! What all fleets of a scenario have done so far, and how long the control plane took.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use insula_types::{Epoch, TaskId};
use tokio::sync::watch;

use crate::error::Error;
use crate::report::Report;

/// How much has happened.
#[derive(Debug, Clone, Default)]
pub(crate) struct Counts {
    /// Agents that are registered, by the ownership that registered them.
    pub(crate) registered: BTreeMap<Epoch, u64>,
    /// Tasks that were started.
    pub(crate) started: u64,
    /// Tasks that were started although they had been before.
    pub(crate) repeated: u64,
    /// Tasks of which the control plane has acknowledged that they run.
    pub(crate) running: u64,
    /// Tasks of which the control plane has acknowledged the end.
    pub(crate) ended: u64,
    /// Sessions that were lost.
    pub(crate) cut: u64,
}

impl Counts {
    /// Agents that an ownership after that one has registered.
    pub(crate) fn registered_after(&self, epoch: Epoch) -> u64 {
        let later = self.registered.iter().filter(|(under, _)| **under > epoch);
        later.map(|(_, count)| count).sum()
    }

    /// Agents that are registered.
    pub(crate) fn registered(&self) -> u64 {
        self.registered.values().sum()
    }

    /// The latest ownership that has registered anybody.
    pub(crate) fn epoch(&self) -> Epoch {
        self.registered.keys().max().copied().unwrap_or_default()
    }
}

/// What the agents saw of a task.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Seen {
    /// When it was started.
    pub(crate) started: Instant,
    /// When the acknowledgement of its end came.
    pub(crate) ended: Option<Instant>,
}

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    counts: watch::Sender<Counts>,
    seen: Mutex<HashMap<TaskId, Seen>>,
    updates: Mutex<Vec<Duration>>,
}

impl Tally {
    /// An agent is registered under another ownership than before; nothing means none.
    pub(super) fn registered(&self, before: Option<Epoch>, now: Option<Epoch>) {
        self.counts.send_modify(|counts| {
            if let Some(count) = before.and_then(|epoch| counts.registered.get_mut(&epoch)) {
                *count -= 1;
            }
            if let Some(epoch) = now {
                *counts.registered.entry(epoch).or_default() += 1;
            }
            counts.registered.retain(|_, count| *count > 0);
        });
    }

    pub(super) fn cut(&self) {
        self.counts.send_modify(|counts| counts.cut += 1);
    }

    pub(super) fn started(&self, task: &TaskId) {
        let seen = Seen {
            started: Instant::now(),
            ended: None,
        };
        let is_repeated = lock(&self.seen).insert(task.clone(), seen).is_some();
        self.counts.send_modify(|counts| {
            counts.started += 1;
            counts.repeated += u64::from(is_repeated);
        });
    }

    /// An update was acknowledged so long after it was sent first.
    pub(super) fn acknowledged(&self, task: &TaskId, took: Duration, is_the_end: bool) {
        lock(&self.updates).push(took);
        if is_the_end && let Some(seen) = lock(&self.seen).get_mut(task) {
            seen.ended = Some(Instant::now());
        }
        self.counts.send_modify(|counts| {
            if is_the_end {
                counts.ended += 1;
            } else {
                counts.running += 1;
            }
        });
    }

    /// How much has happened.
    pub(crate) fn counts(&self) -> Counts {
        self.counts.borrow().clone()
    }

    /// What was seen of a task, if it was started.
    pub(crate) fn seen(&self, task: &str) -> Option<Seen> {
        lock(&self.seen).get(&TaskId::from(task)).copied()
    }

    /// When the first task was started and when the last.
    pub(crate) fn starts(&self) -> Option<(Instant, Instant)> {
        let seen = lock(&self.seen);
        let starts = || seen.values().map(|seen| seen.started);
        Some((starts().min()?, starts().max()?))
    }

    /// When the acknowledgement of the last end came.
    pub(crate) fn last_end(&self) -> Option<Instant> {
        lock(&self.seen)
            .values()
            .filter_map(|seen| seen.ended)
            .max()
    }

    /// Waits until the counts are as wanted.
    ///
    /// # Errors
    /// [`Error::TooLong`] with what was waited for, and the counts.
    pub(crate) async fn wait_until(
        &self,
        timeout: Duration,
        what: &str,
        wanted: impl Fn(&Counts) -> bool,
    ) -> Result<(), Error> {
        let mut counts = self.counts.subscribe();
        let waiting = counts.wait_for(|counts| wanted(counts));
        match tokio::time::timeout(timeout, waiting).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(_)) | Err(_) => Err(Error::TooLong {
                what: format!("{what}; it came to {:?}", self.counts()),
            }),
        }
    }

    /// Reports what was done since the first submission.
    pub(crate) fn report(&self, report: Report, began: Instant) {
        let counts = self.counts();
        if let Some((first, last)) = self.starts() {
            let since = |end: Instant| end.saturating_duration_since(began);
            report.took("first start after the first submission", since(first));
            report.rate("tasks submitted and started", counts.started, since(last));
            if let Some(end) = self.last_end() {
                let name = "tasks, submission to acknowledged end";
                report.rate(name, counts.ended, since(end));
            }
        }
        let mut updates = lock(&self.updates);
        report.percentiles("update sent to acknowledged", &mut updates);
        report.count("tasks started more than once", counts.repeated);
        report.count("sessions lost", counts.cut);
    }
}

/// Nothing panics while it holds one; a list that a thread left half done is still a list.
fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
