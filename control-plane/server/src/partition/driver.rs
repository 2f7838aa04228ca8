//! Starting and stopping the owner of a partition.

use std::io;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::thread::JoinHandle;
use std::time::Duration;

use insula_store::{Retention, Store};
use insula_types::record::CellRow;
use insula_types::{CellId, PartitionId, Time};
use tokio::sync::{broadcast, mpsc, oneshot};
use tokio_util::task::AbortOnDropHandle;

use super::load::load;
use super::outputs::Outputs;
use super::owner::Owner;
use super::{Handle, Sessions, housekeeping};

/// Requests that may wait for the driver: about a tenth of a second of its work. Beyond that whoever
/// sends one waits, which is the back-pressure of the whole gateway.
const REQUESTS_MAX: usize = 4_096;

/// Events that a watcher may fall behind by before it misses some; a few megabytes at most.
const EVENTS_MAX: usize = 16_384;

/// What to own, and how.
#[derive(Debug, Clone)]
pub struct Options {
    /// The partition; there is one so far.
    pub partition: PartitionId,
    /// Its cell; there is one so far. It is made if it does not exist.
    pub cell: CellId,
    /// Durations and bounds of the kernel.
    pub kernel: insula_kernel::Config,
    /// How much history is kept.
    pub retention: Retention,
}

/// Why a driver did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The partition cannot be taken or loaded.
    #[error("cannot load the partition")]
    Load(#[source] insula_store::Error),
    /// The system gives no thread.
    #[error("cannot start the scheduler's thread")]
    Thread(#[source] io::Error),
}

/// What was stepped last may not be committed; its callers were not told that it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the scheduler did not commit everything before its deadline")]
pub struct NotFlushed;

/// A driver that runs. Dropping it ends the driver at once, as a crash would: nothing is lost that
/// anybody was told of. [`Driver::stop`] ends it in order.
#[derive(Debug)]
pub struct Driver {
    handle: Handle,
    stop: oneshot::Sender<()>,
    flushed: oneshot::Receiver<bool>,
    thread: JoinHandle<()>,
    _housekeeping: AbortOnDropHandle<()>,
}

impl Driver {
    /// Takes the partition, loads its cell, and serves it on a thread of its own: a step is plain
    /// computing, up to milliseconds of it, and must not hold up the connections that share the
    /// runtime's threads. Commits run on the runtime that this is called on.
    ///
    /// # Errors
    /// [`StartError`]; later failures of the store are logged, answered with
    /// [`super::Unavailable`], and end when the store is back.
    pub async fn start(store: Store, options: Options) -> Result<Self, StartError> {
        let row = CellRow {
            seed: seed(),
            time: Time::default(),
        };
        let (cell, partition) = (options.cell.clone(), options.partition);
        let made = store.create_cell(&cell, partition, &row).await;
        made.map_err(StartError::Load)?;
        let live = load(&store, &options).await.map_err(StartError::Load)?;

        let (requests, inbox) = mpsc::channel(REQUESTS_MAX);
        let (events, _) = broadcast::channel(EVENTS_MAX);
        let (stop, stopped) = oneshot::channel();
        let (ended, flushed) = oneshot::channel();
        let handle = Handle {
            requests,
            events: events.clone(),
            sessions: Sessions::default(),
            request_ids: Arc::new(AtomicU64::new(1)),
        };
        let retention = options.retention;
        let owner = Owner {
            store: store.clone(),
            options,
            io: tokio::runtime::Handle::current(),
            requests: inbox,
            outputs: Outputs::new(handle.sessions.clone(), events),
            stop: stopped,
        };
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()
            .map_err(StartError::Thread)?;
        let thread = std::thread::Builder::new()
            .name(format!("partition-{}", partition.0))
            .spawn(move || {
                let flushed = runtime.block_on(owner.run(live));
                // A driver that was dropped does not listen.
                let _ = ended.send(flushed);
            })
            .map_err(StartError::Thread)?;
        let housekeeping = tokio::spawn(housekeeping::run(store, cell, retention));
        Ok(Self {
            handle,
            stop,
            flushed,
            thread,
            _housekeeping: AbortOnDropHandle::new(housekeeping),
        })
    }

    /// A handle for gateways.
    #[must_use]
    pub fn handle(&self) -> &Handle {
        &self.handle
    }

    /// Stops in order: no more inputs, the last commit, its messages into their sessions, and then
    /// the end of every session.
    ///
    /// # Errors
    /// [`NotFlushed`] if that took longer than `within`, or the store was away.
    pub async fn stop(self, within: Duration) -> Result<(), NotFlushed> {
        // A thread that has ended already has said how.
        let _ = self.stop.send(());
        let flushed = tokio::time::timeout(within, self.flushed).await;
        if flushed != Ok(Ok(true)) {
            return Err(NotFlushed);
        }
        self.thread.join().map_err(|_| NotFlushed)
    }
}

/// Random bits for the order of offer ids; those of an uuid that are fixed are covered by others.
fn seed() -> u64 {
    let (high, low) = uuid::Uuid::new_v4().as_u64_pair();
    high ^ low.rotate_left(32)
}
