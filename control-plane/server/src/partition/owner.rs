//! The owner of a partition from its start to its end, across failed commits.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use insula_store::{Error, Store};
use insula_types::{CellId, Epoch};
use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::timeout;
use tokio_util::task::AbortOnDropHandle;

use super::cells::Cells;
use super::commit::Failure;
use super::excuses::Excuses;
use super::handle::{Asked, Request};
use super::in_stream::InStream;
use super::links::Links;
use super::live::Live;
use super::load::{self, Taken, Under};
use super::loader::{Loaded, Loader};
use super::outputs::Outputs;
use super::serve::Served;
use super::status::PartitionStatus;
use super::traces::Traces;
use super::{Options, Port, Unavailable};
use crate::metrics::Progress;

/// The pause after a take that failed; doubles up to [`RETRY_LAST`].
const RETRY_FIRST: Duration = Duration::from_millis(100);
/// Longest that one take may last. A taker waits for a commit that does not end for some seconds at
/// most; beyond this its connection is of no use, and another one is tried.
const TAKE_WITHIN: Duration = Duration::from_secs(20);
/// A store that is back is used again within this time.
const RETRY_LAST: Duration = Duration::from_secs(5);

/// How the owner is told to stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stop {
    /// Commit what was stepped, and say it.
    Flush,
    /// At once, as a crash would.
    Abandon,
}

/// Hears of the end; a driver that was dropped means to abandon.
#[derive(Debug)]
pub(super) struct StopSign(pub(super) oneshot::Receiver<()>);

impl StopSign {
    /// Waits to be told; once. Cancel-safe.
    pub(super) async fn told(&mut self) -> Stop {
        match (&mut self.0).await {
            Ok(()) => Stop::Flush,
            Err(_) => Stop::Abandon,
        }
    }
}

/// How owning ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// Told to stop, and all that was stepped was committed.
    Flushed,
    /// Told to stop, but not all was committed.
    Abandoned,
    /// Another replica has the partition.
    Lost,
}

/// Everything that the driver's thread owns.
pub(super) struct Owner {
    pub(super) store: Store,
    pub(super) options: Options,
    /// Where commits and loads run, so that stepping never delays one.
    pub(super) io: Handle,
    pub(super) port: Port,
    pub(super) requests: mpsc::UnboundedReceiver<Request>,
    /// Cells of the partition that somebody has heard of.
    pub(super) found: mpsc::UnboundedReceiver<Vec<CellId>>,
    pub(super) stop: StopSign,
    /// How often it looks around.
    pub(super) every: Duration,
    pub(super) status: watch::Sender<PartitionStatus>,
    /// Told when the cells that there were at the start are loaded, or one cannot be.
    pub(super) tried: Option<oneshot::Sender<Result<(), Error>>>,
}

impl Owner {
    /// Serves until it is told to stop; says whether everything was flushed. Whoever still waits is
    /// told that nobody answers, and every session ends.
    pub(super) async fn run(mut self, taken: Taken) -> Ended {
        let ended = self.own(taken).await;
        self.close().await;
        ended
    }

    /// A failed commit leaves the kernels ahead of the truth. They are dropped, every session ends,
    /// and the partition is taken anew, for as long as it takes (rule R2); unless another replica has
    /// it.
    async fn own(&mut self, mut taken: Taken) -> Ended {
        loop {
            let mut live = self.begin(taken);
            let served = self.serve(&mut live).await;
            let uncertain = !matches!(&served, Err(failure) if !failure.is_uncertain());
            live.outputs.end(live.cells.ids(), live.epoch, uncertain);
            live.leave();
            match served {
                Ok(Served::Flushed) => return Ended::Flushed,
                Ok(Served::Abandoned) => return Ended::Abandoned,
                Err(failure) => {
                    live.outputs.measures().failures.one(failure.reason());
                    report(live.epoch, &failure);
                }
            }
            drop(live);
            match self.take_again().await {
                Ok(again) => taken = again,
                Err(ended) => return ended,
            }
        }
    }

    fn begin(&self, taken: Taken) -> Live {
        let Taken {
            epoch,
            pipeline,
            clock,
            cells,
        } = taken;
        let network = self.options.network.as_ref();
        let broker = network.map(|network| network.broker.clone());
        let partition = self.port.partition();
        let in_stream = broker
            .as_ref()
            .map(|broker| InStream::open(broker, partition, epoch, &self.io));
        let sessions = self.port.sessions().clone();
        let links = Links::new(broker, epoch, self.port.whereabouts().clone(), sessions);
        let under = Under {
            partition,
            config: self.options.kernel.clone(),
            epoch,
            clock,
            numbering: None,
        };
        let unreachable_after = self.options.kernel.unreachable_after.into();
        let mut live = Live {
            epoch,
            clock,
            pipeline,
            cells: Cells::default(),
            loader: Loader::new(self.store.clone(), self.io.clone(), under),
            outputs: Outputs::new(
                self.port.clone(),
                links,
                Traces::new(partition, epoch, self.store.system(), clock.now()),
            ),
            excuses: Excuses::new(Instant::now(), unreachable_after),
            lease: self.options.lease.clone(),
            in_stream,
            untrimmed: VecDeque::new(),
            network: network.cloned(),
            progress: Progress::from(clock.now()),
            is_closing: false,
        };
        self.port.set_epoch(epoch);
        live.outputs.measures().takes.one(());
        for cell in &cells {
            live.admit(&self.port, cell);
        }
        tracing::info!(partition = partition.0, %epoch, cells = cells.len(), "the partition is taken");
        live
    }

    /// Takes the partition anew, as soon as the store lets it. Whatever comes in before that is
    /// refused: certainly nothing was done.
    async fn take_again(&mut self) -> Result<Taken, Ended> {
        let mut pause = RETRY_FIRST;
        loop {
            let take = load::take(
                self.store.clone(),
                self.port.partition(),
                self.options.lease.clone(),
            );
            let take = self.io.spawn(timeout(TAKE_WITHIN, take));
            let mut take = AbortOnDropHandle::new(take);
            let taken = tokio::select! {
                stop = self.stop.told() => return Err(stopped(stop)),
                () = refuse_all(&mut self.requests) => return Err(Ended::Abandoned),
                taken = &mut take => taken,
            };
            match taken {
                Ok(Ok(Ok(taken))) => {
                    self.refuse_waiting();
                    return Ok(taken);
                }
                Ok(Ok(Err(error))) if is_lost(&error) => {
                    tracing::debug!(%error, "another replica has taken the partition");
                    return Err(Ended::Lost);
                }
                // Why it is taken anew was said, and the keeper of leases says what the database does.
                Ok(Ok(Err(error))) if error.is_away() => {
                    tracing::debug!(%error, ?pause, "cannot take the partition; trying again");
                }
                Ok(Ok(Err(error))) => {
                    let error: &dyn std::error::Error = &error;
                    tracing::error!(error, ?pause, "cannot take the partition; trying again");
                }
                Ok(Err(_)) => {
                    tracing::debug!("the partition was not taken in time; trying again");
                }
                Err(error) => tracing::error!(%error, "taking the partition failed"),
            }
            tokio::select! {
                stop = self.stop.told() => return Err(stopped(stop)),
                () = refuse_all(&mut self.requests) => return Err(Ended::Abandoned),
                () = tokio::time::sleep(pause) => {}
            }
            pause = (pause * 2).min(RETRY_LAST);
        }
    }

    fn refuse_waiting(&mut self) {
        while let Ok(request) = self.requests.try_recv() {
            refuse(request);
        }
    }

    /// A cell was loaded, or a load failed.
    pub(super) fn note_loaded(&mut self, live: &mut Live, loaded: Option<Loaded>) {
        let Some(loaded) = loaded else {
            return;
        };
        if let Err(error) = live.cell_loaded(loaded)
            && let Some(tried) = self.tried.take()
        {
            // Nobody may wait for that.
            let _ = tried.send(Err(error));
        }
        self.look(live);
    }

    /// Does what is to be done now and then.
    pub(super) fn tick(&mut self, live: &mut Live) {
        if live.lease_holds() {
            live.outputs.links.beat();
        }
        let is_deaf = live.in_stream.as_ref().is_some_and(InStream::is_deaf);
        if live.excuses.everybody(Instant::now(), is_deaf) {
            live.excuse_everyone();
        }
        live.excuse_hidden();
        self.look(live);
    }

    fn look(&mut self, live: &Live) {
        if live.is_tried()
            && let Some(tried) = self.tried.take()
        {
            // Nobody may wait for that.
            let _ = tried.send(Ok(()));
        }
        let status = live.status(&self.port);
        self.status.send_if_modified(|shown| {
            let is_news = *shown != status;
            *shown = status;
            is_news
        });
    }

    /// Takes no more requests, and refuses those that nobody will step any more.
    pub(super) async fn close(&mut self) {
        self.port.close();
        self.requests.close();
        refuse_all(&mut self.requests).await;
    }
}

fn stopped(stop: Stop) -> Ended {
    match stop {
        // Nothing was stepped that could be lost.
        Stop::Flush => Ended::Flushed,
        Stop::Abandon => Ended::Abandoned,
    }
}

fn is_lost(error: &Error) -> bool {
    matches!(error, Error::Leased { .. })
}

fn report(epoch: Epoch, failure: &Failure) {
    let error: &dyn std::error::Error = failure;
    if matches!(failure, Failure::LeaseLost) {
        // The keeper has said so, once for all partitions.
        return tracing::debug!(error, %epoch, "the partition may be taken anew");
    }
    tracing::error!(
        error,
        %epoch,
        "the partition is taken anew; all sessions end and come back by themselves"
    );
}

/// Refuses requests as they come, until the queue is closed or no handle is left. Cancel-safe.
async fn refuse_all(requests: &mut mpsc::UnboundedReceiver<Request>) {
    while let Some(request) = requests.recv().await {
        refuse(request);
    }
}

fn refuse(request: Request) {
    if let Asked::Input(_, Some(answer)) = request.asked {
        // Whoever asked may have gone away meanwhile. Nobody waits for another input, and dropping a
        // question tells whoever waits for it.
        let _ = answer.send(Err(Unavailable::default()));
    }
}
