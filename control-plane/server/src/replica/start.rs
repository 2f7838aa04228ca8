//! Starting and stopping a replica.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use insula_broker::Broker;
use insula_store::{Retention, Store};
use insula_types::membership::ReplicaState;
use insula_types::{CellId, PartitionId, ReplicaId};
use tokio::sync::{Notify, Semaphore, mpsc, watch};
use tokio_util::task::AbortOnDropHandle;

use super::Owners;
use super::announce::Announcer;
use super::keeper::{Keeper, KeeperError, Leases, Wish};
use super::manager::Manager;
use super::tenancy::{CLAIMS_MAX, Shared};
use crate::durations::Durations;
use crate::partition::{self, BootClock, Network, Sessions};

/// What a replica is made of.
#[derive(Debug, Clone)]
pub struct Parts {
    /// Names this incarnation of the process: random.
    pub id: ReplicaId,
    /// Where other replicas reach it, `host:port`.
    pub advertise: String,
    /// The truth.
    pub store: Store,
    /// Where that is: the keeper of leases has a connection of its own.
    pub database_url: String,
    /// Carries messages between replicas.
    pub broker: Broker,
    /// The sessions of this process' gateways.
    pub sessions: Sessions,
    /// How long things take and last.
    pub durations: Durations,
}

/// Why a replica did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Its leases cannot be kept.
    #[error(transparent)]
    Keeper(#[from] KeeperError),
    /// The machine has no clock for leases.
    #[error("cannot read the clock that leases are reckoned by")]
    Clock(#[source] io::Error),
}

/// Whether this replica should be sent clients.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ready {
    /// What it says of itself.
    pub state: ReplicaState,
    /// Whether the database answered the last beat.
    pub store_ok: bool,
}

/// Not every partition was handed over in time; their leases end by themselves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not every partition was handed over in time; others take over when the leases have ended")]
pub struct NotDrained;

/// A replica that runs. Dropping it ends it at once, as a crash would.
#[derive(Debug)]
pub struct Replica {
    owners: Owners,
    wish: watch::Sender<Wish>,
    ready: watch::Sender<Ready>,
    patience: Duration,
    owned: watch::Receiver<usize>,
    manager: AbortOnDropHandle<()>,
    _cells: AbortOnDropHandle<()>,
}

impl Replica {
    /// Announces the replica, which takes no partitions yet.
    ///
    /// # Errors
    /// See [`StartError`].
    pub async fn start(parts: Parts) -> Result<Self, StartError> {
        let nudge = Arc::new(Notify::new());
        let leases = Leases::default();
        let (wish, wishes) = watch::channel(Wish::Be(ReplicaState::Starting));
        let ready = watch::Sender::new(Ready {
            state: ReplicaState::Starting,
            store_ok: true,
        });
        let clock = || BootClock::open().map_err(StartError::Clock);
        let keeper = Keeper {
            me: parts.id.clone(),
            advertise: parts.advertise.clone(),
            ttl: parts.durations.lease_ttl,
            renewal: parts.durations.lease_renewal,
            leases: leases.clone(),
            wish: wishes,
            nudge: Arc::clone(&nudge),
            clock: clock()?,
            ready: ready.clone(),
            sessions: parts.sessions.clone(),
        };
        let kept = keeper.start(parts.database_url.clone()).await?;
        let owners = Owners::new(parts.id.clone(), kept.partitions, nudge);
        let (owned, owns) = watch::channel(0);
        let (tell, told) = mpsc::channel(1);
        let cells = watch_cells(parts.store.clone(), parts.durations.cells_poll, tell);
        let patience = parts.durations.flush + parts.durations.lease_ttl;
        let manager = Manager::new(share(parts, &owners, leases), clock()?, owned);
        Ok(Self {
            owners,
            wish,
            ready,
            patience,
            owned: owns,
            manager: AbortOnDropHandle::new(tokio::spawn(manager.run(kept.found, told))),
            _cells: AbortOnDropHandle::new(tokio::spawn(cells)),
        })
    }

    /// Lets it take partitions, from the next beat on, which is now.
    pub fn begin(&self) {
        self.be(ReplicaState::Ready);
    }

    /// Who owns which partition.
    #[must_use]
    pub fn owners(&self) -> Owners {
        self.owners.clone()
    }

    /// Whether it should be sent clients.
    #[must_use]
    pub fn ready(&self) -> watch::Receiver<Ready> {
        self.ready.subscribe()
    }

    /// Gives all partitions away and leaves.
    ///
    /// # Errors
    /// [`NotDrained`] if that took longer than a flush and a lease.
    pub async fn drain(self) -> Result<(), NotDrained> {
        self.be(ReplicaState::Draining);
        let mut owned = self.owned.clone();
        let empty = owned.wait_for(|owned| *owned == 0);
        let is_empty = matches!(tokio::time::timeout(self.patience, empty).await, Ok(Ok(_)));
        self.wish.send_replace(Wish::Leave);
        // The manager ends when the keeper has.
        let left = tokio::time::timeout(self.patience, self.manager).await;
        if is_empty && left.is_ok() {
            return Ok(());
        }
        Err(NotDrained)
    }

    fn be(&self, state: ReplicaState) {
        self.ready.send_modify(|ready| ready.state = state);
        self.wish.send_replace(Wish::Be(state));
    }
}

fn share(parts: Parts, owners: &Owners, leases: Leases) -> Arc<Shared> {
    let network = Network {
        broker: parts.broker.clone(),
        membership: owners.watch_membership(),
        nudge: owners.nudger(),
        beat: parts.durations.link_beat,
    };
    let driver = partition::Options {
        // Set for each.
        partition: PartitionId(0),
        kernel: parts.durations.kernel(),
        retention: Retention::default(),
        sessions: parts.sessions.clone(),
        lease: None,
        network: Some(network),
    };
    let announcer = Announcer {
        broker: parts.broker,
        owners: owners.clone(),
        sessions: parts.sessions,
    };
    Arc::new(Shared {
        store: parts.store,
        me: parts.id,
        durations: parts.durations,
        driver,
        owners: owners.clone(),
        leases,
        announcer,
        claims: Semaphore::new(CLAIMS_MAX),
    })
}

/// Looks for cells now and then, since they are made by whoever has access to the database.
async fn watch_cells(
    store: Store,
    every: Duration,
    tell: mpsc::Sender<BTreeMap<PartitionId, Vec<CellId>>>,
) {
    loop {
        tokio::time::sleep(every).await;
        match store.all_cells().await {
            Ok(all) => {
                let mut by_partition: BTreeMap<_, Vec<_>> = BTreeMap::new();
                for (cell, partition) in all {
                    by_partition.entry(partition).or_default().push(cell);
                }
                if tell.send(by_partition).await.is_err() {
                    return;
                }
            }
            // The keeper of leases says once that the database is away.
            Err(error) if error.is_away() => {
                tracing::debug!(%error, "new cells cannot be looked for");
            }
            Err(error) => {
                let error: &dyn std::error::Error = &error;
                tracing::warn!(error, "new cells cannot be looked for");
            }
        }
    }
}
