//! Starting and stopping the owner of a partition.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use insula_broker::Broker;
use insula_store::{Retention, Store};
use insula_types::membership::Membership;
use insula_types::{CellId, PartitionId, ReplicaId};
use tokio::runtime::Handle as Runtime;
use tokio::sync::{Notify, mpsc, oneshot, watch};
use tokio_util::task::AbortOnDropHandle;

use super::load::{self, Taken};
use super::owner::{Ended, Owner, StopSign};
use super::status::PartitionStatus;
use super::{Lease, Port, Sessions, housekeeping};

/// How often a driver with nothing else to do looks around, unless its lease or its links need it to
/// more often.
const TICK: Duration = Duration::from_secs(1);

/// What to own, and how.
#[derive(Debug, Clone)]
pub struct Options {
    /// The partition.
    pub partition: PartitionId,
    /// Durations and bounds of the kernels.
    pub kernel: insula_kernel::Config,
    /// How much history is kept.
    pub retention: Retention,
    /// The sessions of this process' gateways.
    pub sessions: Sessions,
    /// The lease that the partition is owned by; nothing if the store's lock stands for it.
    pub lease: Option<Arc<Lease>>,
    /// Other replicas; nothing if there are none.
    pub network: Option<Network>,
}

/// How other replicas' gateways reach the driver.
#[derive(Debug, Clone)]
pub struct Network {
    /// Carries the links.
    pub broker: Broker,
    /// Who is alive, as the keeper found it last.
    pub membership: watch::Receiver<Arc<Membership>>,
    /// Told when somebody speaks who is not in there yet.
    pub nudge: Arc<Notify>,
    /// How often a link is to hear that its owner lives.
    pub beat: Duration,
}

impl Network {
    /// Whether a replica is alive, as far as is known.
    pub(super) fn is_live(&self, replica: &ReplicaId) -> bool {
        let found = self.membership.borrow();
        found.replica(replica).is_some_and(|row| row.live)
    }
}

impl Options {
    /// How often the driver looks around.
    fn tick(&self) -> Duration {
        let lease = self.lease.as_ref().map(|lease| lease.tick());
        let links = self.network.as_ref().map(|network| network.beat);
        lease.into_iter().chain(links).fold(TICK, Duration::min)
    }
}

/// Why a driver did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The partition cannot be taken.
    #[error("cannot take the partition")]
    Take(#[source] insula_store::Error),
    /// A cell cannot be loaded.
    #[error("cannot load the partition")]
    Load(#[source] insula_store::Error),
    /// The system gives no thread.
    #[error("cannot start the scheduler's thread")]
    Thread(#[source] io::Error),
    /// The machine has no clock for leases.
    #[error("cannot read the clock that leases are reckoned by")]
    Clock(#[source] io::Error),
}

/// What was stepped last may not be committed; its callers were not told that it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the scheduler did not commit everything before its deadline")]
pub struct NotFlushed;

/// A driver that runs. Dropping it ends the driver at once, as a crash would: nothing is lost that
/// anybody was told of. [`Driver::stop`] ends it in order.
#[derive(Debug)]
pub struct Driver {
    port: Port,
    stop: oneshot::Sender<()>,
    ended: oneshot::Receiver<Ended>,
    found: mpsc::UnboundedSender<Vec<CellId>>,
    tried: Option<oneshot::Receiver<Result<(), insula_store::Error>>>,
    _housekeeping: AbortOnDropHandle<()>,
}

impl Driver {
    /// Takes the partition, and serves it on a thread of its own: a step is plain computing, up to
    /// milliseconds of it, and must not hold up the connections that share the runtime's threads.
    /// Loads and commits run on the runtime that this is called on. Cells are loaded one by one, and
    /// each is served as soon as it is.
    ///
    /// # Errors
    /// [`StartError::Take`] or [`StartError::Thread`]; later failures of the store are logged,
    /// answered with [`super::Unavailable`], and end when the store is back.
    pub async fn start(store: Store, options: Options) -> Result<Self, StartError> {
        let partition = options.partition;
        let taken = load::take(store.clone(), partition, options.lease.clone()).await;
        let taken = taken.map_err(StartError::Take)?;

        let (requests, inbox) = mpsc::unbounded_channel();
        // As many as there are cells, of which somebody hears every few seconds.
        let (found, heard) = mpsc::unbounded_channel();
        let (stop, stopped) = oneshot::channel();
        let (tell, tried) = oneshot::channel();
        let (status, shown) = watch::channel(PartitionStatus::nothing_yet(partition));
        let lease = options.lease.clone();
        let port = Port::new(partition, requests, options.sessions.clone(), lease, shown);
        // Whoever finds the port before the thread runs must not find it without its epoch.
        port.set_epoch(taken.epoch);
        let every = options.tick();
        let housekeeping = housekeeping::run(store.clone(), partition, options.retention);
        let owner = Owner {
            store,
            options,
            io: Runtime::current(),
            port: port.clone(),
            requests: inbox,
            found: heard,
            stop: StopSign(stopped),
            every,
            status,
            tried: Some(tell),
        };
        let ended = spawn(owner, taken).map_err(StartError::Thread)?;
        Ok(Self {
            port,
            stop,
            ended,
            found,
            tried: Some(tried),
            _housekeeping: AbortOnDropHandle::new(tokio::spawn(housekeeping)),
        })
    }

    /// The way to it for gateways.
    #[must_use]
    pub fn port(&self) -> &Port {
        &self.port
    }

    /// Waits until every cell that there was at the start is served; once.
    ///
    /// # Errors
    /// [`StartError::Load`] if the rows of one cannot be read. The others are served, and that one is
    /// tried again.
    pub async fn loaded(&mut self) -> Result<(), StartError> {
        let Some(tried) = self.tried.take() else {
            return Ok(());
        };
        // A driver that has ended says nothing more; whoever stops it learns how it ended.
        tried.await.unwrap_or(Ok(())).map_err(StartError::Load)
    }

    /// Tells it which cells its partition has; it loads those that it does not know.
    pub fn found(&self, cells: Vec<CellId>) {
        // One that has ended loads nothing more.
        let _ = self.found.send(cells);
    }

    /// Waits until it has ended by itself, because another replica has its partition. Cancel-safe.
    pub async fn ended(&mut self) -> Ended {
        (&mut self.ended).await.unwrap_or(Ended::Abandoned)
    }

    /// Stops in order: no more inputs, the last commit, its messages into their sessions, and then
    /// the end of every session.
    ///
    /// # Errors
    /// [`NotFlushed`] if that took longer than `within`, or the store was away.
    pub async fn stop(self, within: Duration) -> Result<(), NotFlushed> {
        // A thread that has ended already has said how.
        let _ = self.stop.send(());
        match tokio::time::timeout(within, self.ended).await {
            Ok(Ok(Ended::Flushed)) => Ok(()),
            _ => Err(NotFlushed),
        }
    }
}

fn spawn(owner: Owner, taken: Taken) -> io::Result<oneshot::Receiver<Ended>> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()?;
    let (tell, ended) = oneshot::channel();
    std::thread::Builder::new()
        .name(format!("partition-{}", owner.port.partition().0))
        .spawn(move || {
            let how = runtime.block_on(owner.run(taken));
            // A driver that was dropped does not listen.
            let _ = tell.send(how);
        })?;
    Ok(ended)
}
