//! The one commit in flight (rules R1, R2).

use std::future;
use std::time::{Duration, Instant, SystemTime};

use insula_pipeline::{Commit, Poisoned};
use insula_store::{CellRecords, CommitError, CommitNo, Store};
use insula_telemetry::metrics::labels::{self, CommitOutcome};
use insula_telemetry::metrics::size;
use insula_types::{Epoch, PartitionId};
use tokio::task::{JoinError, JoinHandle};

use super::live::Live;
use super::marks;
use super::strikes::Culprit;

/// A commit that took longer was an outage of the database, in which nobody could be heard.
const OUTAGE: Duration = Duration::from_secs(5);

/// What became of a commit.
#[derive(Debug)]
pub(super) struct Done {
    /// As the pipeline handed it out.
    commit: Commit,
    result: Result<CommitNo, CommitError>,
}

/// A commit under way.
#[derive(Debug)]
pub(super) struct InFlight {
    task: JoinHandle<Done>,
    begun: Instant,
}

/// Why the kernels in memory are of no use any more.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    #[error("a commit failed")]
    Commit(#[source] CommitError),
    #[error("the task that commits ended before it was done")]
    CommitTask(#[source] JoinError),
    #[error("the store and the pipeline disagree about the last commit")]
    Poisoned(#[from] Poisoned),
    #[error("the lease is lost")]
    LeaseLost,
    #[error("the lease is long over and the database does not say what became of the commit")]
    GivenUp,
}

impl Failure {
    /// What kind of failure it is, for metrics.
    pub(super) fn reason(&self) -> labels::Failure {
        match self {
            Self::Commit(_) | Self::CommitTask(_) | Self::GivenUp => labels::Failure::Commit,
            Self::Poisoned(_) => labels::Failure::Disagreement,
            Self::LeaseLost => labels::Failure::Lease,
        }
    }

    /// Whether something may have been written that nobody was told of (rule R16).
    pub(super) fn is_uncertain(&self) -> bool {
        !matches!(
            self,
            Self::Commit(CommitError::Fenced { .. } | CommitError::Failed { .. })
        )
    }
}

impl InFlight {
    /// Commits in a task of its own, which comes to its end whatever happens here: a commit is not
    /// cancel-safe.
    pub(super) fn begin(
        io: &tokio::runtime::Handle,
        store: Store,
        partition: PartitionId,
        epoch: Epoch,
        commit: Commit,
    ) -> Self {
        Self {
            task: io.spawn(write(store, partition, epoch, commit)),
            begun: Instant::now(),
        }
    }

    /// For how long it has been under way.
    pub(super) fn took(&self) -> Duration {
        self.begun.elapsed()
    }

    /// Waits for its end. Cancel-safe.
    pub(super) async fn done(&mut self) -> Result<Done, JoinError> {
        (&mut self.task).await
    }
}

/// The end of the commit in flight; never, if there is none. Cancel-safe.
pub(super) async fn done(in_flight: &mut Option<InFlight>) -> Result<Done, JoinError> {
    match in_flight {
        Some(commit) => commit.done().await,
        None => future::pending().await,
    }
}

async fn write(store: Store, partition: PartitionId, epoch: Epoch, commit: Commit) -> Done {
    let expected = CommitNo(commit.expected);
    let cells: Vec<CellRecords> = commit
        .cells
        .into_iter()
        .map(|(cell, records)| CellRecords { cell, records })
        .collect();
    let marks = marks::rows(&commit.marks);
    let result = store
        .commit(partition, epoch, expected, &cells, &marks)
        .await;
    let cells = cells
        .into_iter()
        .map(|changed| (changed.cell, changed.records));
    let commit = Commit {
        expected: commit.expected,
        cells: cells.collect(),
        marks: commit.marks,
    };
    Done { commit, result }
}

/// How large a batch was and how long its transaction took; load tests read it from the log.
fn log(commit: &Commit, took: Option<Duration>) {
    let records: usize = commit.cells.iter().map(|(_, records)| records.len()).sum();
    let cells = commit.cells.len();
    let micros = took.unwrap_or_default().as_micros();
    tracing::debug!(
        commit = commit.number(),
        cells,
        records,
        micros,
        "committed"
    );
}

/// When a commit was begun that took so long.
fn begun_at(took: Option<Duration>) -> SystemTime {
    let now = SystemTime::now();
    now.checked_sub(took.unwrap_or_default()).unwrap_or(now)
}

impl Live {
    /// Whether a commit is not to be waited for any longer: the database has not answered for so long
    /// that this owner's lease is long over. Whoever waits is told that nobody knows (rule R16), and the
    /// partition is loaded anew as soon as the database lets it.
    ///
    /// The task that commits goes on, and what becomes of it is nobody's concern: the next take of the
    /// partition, whoever's it is, ends the session of a commit under way and moves the epoch that its
    /// fence asks for. So it is in the rows when they are loaded, or it never happens (rule R1).
    pub(super) fn is_hopeless(&self, in_flight: Option<&InFlight>) -> bool {
        let Some((commit, lease)) = in_flight.zip(self.lease.as_ref()) else {
            return false;
        };
        commit.took() > lease.patience() && lease.is_long_over()
    }

    /// The commit in flight has ended.
    pub(super) fn settle(
        &mut self,
        in_flight: Option<InFlight>,
        done: Result<Done, JoinError>,
    ) -> Result<(), Failure> {
        let Done { commit, result } = done.map_err(Failure::CommitTask)?;
        let took = in_flight.map(|commit| commit.took());
        self.measure(&commit, &result, took);
        match result {
            Ok(commit_no) => {
                log(&commit, took);
                self.outputs
                    .traces
                    .committed(&commit, begun_at(took), self.clock.now());
                self.pipeline.committed(commit_no.0)?;
                self.note_applied(&commit);
            }
            Err(error) if error.is_data_error() => self.blame(commit, &error)?,
            Err(error) => return Err(Failure::Commit(error)),
        }
        if took.is_some_and(|took| took > OUTAGE) {
            self.excuse_everyone();
        }
        Ok(())
    }

    fn measure(
        &mut self,
        commit: &Commit,
        result: &Result<CommitNo, CommitError>,
        took: Option<Duration>,
    ) {
        let measures = self.outputs.measures();
        let outcome = match result {
            Ok(_) => CommitOutcome::Committed,
            Err(error) if error.is_data_error() => CommitOutcome::Refused,
            Err(_) => CommitOutcome::Failed,
        };
        measures.commit.took(outcome, took.unwrap_or_default());
        if outcome == CommitOutcome::Committed {
            let records = commit.cells.iter().flat_map(|(_, records)| records);
            let count = size(records.clone().count());
            measures.commit_records.was((), count);
            self.progress.committed(records, measures);
        }
    }

    /// Finds out, by committing anew in parts, whose changes the database refuses.
    fn blame(&mut self, commit: Commit, error: &CommitError) -> Result<(), Poisoned> {
        let reason = super::failure::sentence(error);
        if let Some(removed) = self.pipeline.commit_refused(commit)? {
            self.cell_failed(removed, Culprit::Records(reason.clone()), &reason);
        }
        Ok(())
    }

    fn note_applied(&mut self, commit: &Commit) {
        for (sender, seq) in &commit.marks {
            if let Some((link, cell)) = marks::parts(sender)
                && let Some(progress) = self.outputs.links.progress(&link)
            {
                progress.settle(&cell, *seq);
            }
        }
    }
}
