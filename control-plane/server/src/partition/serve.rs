//! The loop: inputs are stepped while the one commit is in flight.

use std::future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use insula_kernel::{Input, Kernel};
use insula_pipeline::{Commit, Envelope, Poisoned};
use insula_store::{CellRecords, CommitError, CommitNo, InputMark};
use tokio::task::{JoinError, JoinHandle};

use super::Request;
use super::load::Live;
use super::owner::Owner;

/// Most inputs that are stepped before outputs and timers get their turn. At some tens of
/// microseconds per step, a turn stays within a few milliseconds.
const INPUTS_PER_TURN: usize = 256;

/// How serving ended as it should.
pub(super) enum Served {
    /// Told to stop: everything stepped was committed and released.
    Flushed,
    /// Ended as by a crash: the driver was dropped, or the last commit failed.
    Abandoned,
}

/// Why the kernel in memory is of no use any more.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    #[error("a commit failed")]
    Commit(#[source] CommitError),
    #[error("the task that commits ended before it was done")]
    CommitTask(#[source] JoinError),
    #[error("the kernel panicked on an input")]
    Panicked,
    #[error("the store and the pipeline disagree about the last commit")]
    Poisoned(#[source] Poisoned),
}

impl Failure {
    /// Whether something may have been written that nobody was told of (rule R16).
    pub(super) fn is_uncertain(&self) -> bool {
        !matches!(
            self,
            Self::Commit(CommitError::Fenced { .. } | CommitError::Failed { .. })
        )
    }
}

type InFlight = JoinHandle<Result<CommitNo, CommitError>>;

/// What made the loop turn.
enum Woken {
    Committed(Result<Result<CommitNo, CommitError>, JoinError>),
    Stop { flush: bool },
    Inputs,
    Timer,
}

impl Owner {
    /// Serves with what was loaded, until told to stop or a commit fails.
    pub(super) async fn serve(&mut self, live: &mut Live) -> Result<Served, Failure> {
        let mut in_flight = None;
        let mut inbox = Vec::with_capacity(INPUTS_PER_TURN);
        loop {
            self.advance(live, &mut in_flight);
            match self.wake(live, &mut in_flight, &mut inbox).await {
                Woken::Committed(result) => {
                    in_flight = None;
                    settle(live, result)?;
                }
                Woken::Stop { flush: false } => return Ok(Served::Abandoned),
                Woken::Stop { flush: true } => return Ok(self.finish(live, in_flight).await),
                Woken::Inputs | Woken::Timer => {}
            }
            for request in inbox.drain(..) {
                self.take(live, request)?;
            }
            step_timer(live)?;
        }
    }

    /// Waits until there is something to do. While the pipeline is full that is only the commit:
    /// inputs and timers wait, and with them whoever sends inputs.
    async fn wake(
        &mut self,
        live: &Live,
        in_flight: &mut Option<InFlight>,
        inbox: &mut Vec<Request>,
    ) -> Woken {
        let may_step = !live.pipeline.is_full();
        tokio::select! {
            biased;
            result = committed(in_flight) => Woken::Committed(result),
            stop = &mut self.stop => Woken::Stop { flush: stop.is_ok() },
            _ = self.requests.recv_many(inbox, INPUTS_PER_TURN), if may_step => Woken::Inputs,
            () = timer(live), if may_step => Woken::Timer,
        }
    }

    /// Steps one request, or answers it.
    fn take(&mut self, live: &mut Live, request: Request) -> Result<(), Failure> {
        let input = match request {
            Request::Query(question) => {
                answer(live, question);
                return Ok(());
            }
            Request::Ask(id, input, answer) => {
                self.outputs.expect(id, answer);
                input
            }
            Request::Submit(input) => input,
        };
        step(live, input)
    }

    /// Starts the next commit if none is in flight, and lets out what may leave.
    fn advance(&mut self, live: &mut Live, in_flight: &mut Option<InFlight>) {
        if in_flight.is_none()
            && let Some(commit) = live.pipeline.poll_commit()
        {
            *in_flight = Some(self.begin(live, commit));
        }
        while let Some(released) = live.pipeline.poll_release() {
            self.outputs.release(live.epoch, released);
        }
    }

    /// Commits in a task of its own, which comes to its end whatever happens here: a commit is not
    /// cancel-safe.
    fn begin(&self, live: &Live, commit: Commit) -> InFlight {
        let (store, partition, epoch) = (self.store.clone(), self.options.partition, live.epoch);
        let cell = self.options.cell.clone();
        self.io.spawn(async move {
            let expected = CommitNo(commit.expected);
            let cells = [CellRecords {
                cell,
                records: commit.records,
            }];
            let marks: Vec<InputMark> = commit
                .marks
                .into_iter()
                .map(|(sender, seq)| InputMark {
                    sender: sender.0.to_string(),
                    seq,
                })
                .collect();
            store
                .commit(partition, epoch, expected, &cells, &marks)
                .await
        })
    }

    /// Takes no more requests, and flushes. There is no second try: whoever stops waits.
    async fn finish(&mut self, live: &mut Live, in_flight: Option<InFlight>) -> Served {
        self.close().await;
        match self.flush(live, in_flight).await {
            Ok(()) => Served::Flushed,
            Err(failure) => {
                let error: &dyn std::error::Error = &failure;
                tracing::error!(error, "the last changes were not committed");
                Served::Abandoned
            }
        }
    }

    /// Commits and releases all that was stepped.
    async fn flush(
        &mut self,
        live: &mut Live,
        mut in_flight: Option<InFlight>,
    ) -> Result<(), Failure> {
        loop {
            self.advance(live, &mut in_flight);
            let Some(commit) = in_flight.take() else {
                return Ok(());
            };
            settle(live, commit.await)?;
        }
    }
}

/// Answers a question about the kernel. A panic in it has changed nothing and concerns only whoever
/// asked.
fn answer(live: &Live, question: Box<dyn FnOnce(&Kernel) + Send>) {
    let kernel = live.pipeline.kernel();
    if catch_unwind(AssertUnwindSafe(|| question(kernel))).is_err() {
        tracing::error!("a question about the kernel panicked");
    }
}

/// The outcome of the commit in flight; never, if there is none. Cancel-safe.
async fn committed(
    in_flight: &mut Option<InFlight>,
) -> Result<Result<CommitNo, CommitError>, JoinError> {
    match in_flight {
        Some(commit) => commit.await,
        None => future::pending().await,
    }
}

fn settle(
    live: &mut Live,
    result: Result<Result<CommitNo, CommitError>, JoinError>,
) -> Result<(), Failure> {
    let commit_no = result
        .map_err(Failure::CommitTask)?
        .map_err(Failure::Commit)?;
    live.pipeline
        .committed(commit_no.0)
        .map_err(Failure::Poisoned)
}

/// Waits until a timer is due; for ever, if there is none. Cancel-safe.
async fn timer(live: &Live) {
    match live.pipeline.kernel().next_timeout() {
        Some(due) => {
            tokio::time::sleep(Duration::from(due.since(live.clock.now()))).await;
        }
        None => future::pending().await,
    }
}

/// Queued inputs come before timers that are due (rule R24), but only one turn of them.
fn step_timer(live: &mut Live) -> Result<(), Failure> {
    let due = live.pipeline.kernel().next_timeout();
    if due.is_some_and(|due| due <= live.clock.now()) && !live.pipeline.is_full() {
        step(live, Input::Timer)?;
    }
    Ok(())
}

/// A panic of the kernel ends this load of the cell, not the process (rule R11).
fn step(live: &mut Live, input: Input) -> Result<(), Failure> {
    let now = live.clock.now();
    let stepped = catch_unwind(AssertUnwindSafe(|| {
        live.pipeline.input(now, Envelope::from(input))
    }));
    stepped
        .map_err(|_| Failure::Panicked)?
        .map_err(Failure::Poisoned)
}
