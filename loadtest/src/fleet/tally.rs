//! What the whole fleet has done so far, and how long the control plane took to acknowledge it.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::watch;

use crate::report;

/// How much has happened.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Counts {
    /// Sessions that the control plane committed, each agent's once.
    pub(super) registered: u64,
    /// Tasks that were started.
    pub(super) started: u64,
    /// Tasks of which the control plane has acknowledged the end.
    pub(super) ended: u64,
    /// Sessions that were lost.
    pub(super) cut: u64,
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Tally {
    counts: watch::Sender<Counts>,
    latencies: Mutex<Latencies>,
}

#[derive(Debug, Default)]
struct Latencies {
    updates: Vec<Duration>,
    first_start: Option<Instant>,
    last_end: Option<Instant>,
}

impl Tally {
    pub(super) fn registered(&self) {
        self.counts.send_modify(|counts| counts.registered += 1);
    }

    pub(super) fn cut(&self) {
        self.counts.send_modify(|counts| counts.cut += 1);
    }

    pub(super) fn started(&self) {
        self.with(|latencies| {
            latencies.first_start.get_or_insert_with(Instant::now);
        });
        self.counts.send_modify(|counts| counts.started += 1);
    }

    /// An update was acknowledged so long after it was sent first.
    pub(super) fn acknowledged(&self, took: Duration, is_the_end: bool) {
        self.with(|latencies| {
            latencies.updates.push(took);
            if is_the_end {
                latencies.last_end = Some(Instant::now());
            }
        });
        if is_the_end {
            self.counts.send_modify(|counts| counts.ended += 1);
        }
    }

    fn with(&self, change: impl FnOnce(&mut Latencies)) {
        // Nothing in here panics; a list that another thread left half done is still a list.
        let mut latencies = self
            .latencies
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        change(&mut latencies);
    }

    /// Waits until the counts are as wanted.
    ///
    /// # Errors
    /// The counts as they are if that takes too long.
    pub(super) async fn wait_until(
        &self,
        timeout: Duration,
        wanted: impl Fn(&Counts) -> bool,
    ) -> Result<(), Counts> {
        let mut counts = self.counts.subscribe();
        let waiting = counts.wait_for(|counts| wanted(counts));
        match tokio::time::timeout(timeout, waiting).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(_)) | Err(_) => Err(*self.counts.borrow()),
        }
    }

    /// Reports everything; `took` is from the first submission to now.
    pub(super) fn report(&self, took: Duration) {
        let counts = *self.counts.borrow();
        report::rate("tasks, submission to acknowledged end", counts.ended, took);
        self.with(|latencies| {
            if let (Some(first), Some(last)) = (latencies.first_start, latencies.last_end) {
                let busy = last.saturating_duration_since(first);
                report::rate(
                    "tasks, first start to last acknowledged end",
                    counts.ended,
                    busy,
                );
            }
            report::percentiles("update sent to acknowledged", &mut latencies.updates);
        });
        if counts.cut > 0 {
            report::figure("sessions lost", &counts.cut.to_string());
        }
    }
}
