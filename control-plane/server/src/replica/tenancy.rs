//! One partition in this replica, from the claim until it is lost or given away.

use std::sync::Arc;
use std::time::Duration;

use insula_store::Store;
use insula_types::membership::Claim;
use insula_types::{CellId, PartitionId, ReplicaId};
use tokio::sync::{Semaphore, mpsc};

use super::Owners;
use super::announce::Announcer;
use super::keeper::Leases;
use crate::durations::Durations;
use crate::partition::{self, Driver, Lease, StartError};

/// Most partitions that are taken at a time, so that a replica that takes them all reads some of them
/// to the end before it begins with the others.
pub(super) const CLAIMS_MAX: usize = 4;

/// What all tenancies of a replica share.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) store: Store,
    pub(super) me: ReplicaId,
    pub(super) durations: Durations,
    pub(super) driver: partition::Options,
    pub(super) owners: Owners,
    pub(super) leases: Leases,
    pub(super) announcer: Announcer,
    pub(super) claims: Semaphore,
}

/// What the replica tells a tenancy.
#[derive(Debug)]
pub(super) enum Order {
    /// These are the cells of the partition.
    Found(Vec<CellId>),
    /// Give it away, in order.
    Give,
}

/// How far a tenancy is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    /// It claims the partition.
    Taking,
    /// It serves it.
    Holding,
    /// It gives it away.
    Giving,
}

/// Claims a partition and serves it until it is lost or given away. `orders` may be dropped, which
/// means the end of the process: the driver ends as by a crash.
pub(super) async fn run(
    shared: Arc<Shared>,
    partition: PartitionId,
    orders: mpsc::Receiver<Order>,
    phases: mpsc::UnboundedSender<(PartitionId, Phase)>,
) -> PartitionId {
    match claim(&shared, partition).await {
        Ok(driver) => {
            // The replica may be ending.
            let _ = phases.send((partition, Phase::Holding));
            let tenancy = Tenancy {
                shared: &shared,
                partition,
                phases,
            };
            tenancy.hold(driver, orders).await;
        }
        Err(StartError::Take(error @ insula_store::Error::Leased { .. })) => {
            tracing::debug!(%error, "another replica was quicker");
        }
        Err(error) => {
            let error: &dyn std::error::Error = &error;
            tracing::warn!(error, partition = partition.0, "a partition was not taken");
        }
    }
    shared.leases.remove(partition);
    partition
}

async fn claim(shared: &Shared, partition: PartitionId) -> Result<Driver, StartError> {
    let _turn = shared.claims.acquire().await;
    let claim = Claim {
        replica: shared.me.clone(),
        ttl: shared.durations.lease_ttl.into(),
    };
    let margin = shared.durations.lease_margin.into();
    let lease = Lease::new(partition, claim, margin).map_err(StartError::Clock)?;
    let lease = Arc::new(lease);
    shared.leases.add(&lease);
    let options = partition::Options {
        partition,
        lease: Some(lease),
        ..shared.driver.clone()
    };
    Driver::start(shared.store.clone(), options).await
}

struct Tenancy<'a> {
    shared: &'a Shared,
    partition: PartitionId,
    phases: mpsc::UnboundedSender<(PartitionId, Phase)>,
}

impl Tenancy<'_> {
    async fn hold(&self, mut driver: Driver, mut orders: mpsc::Receiver<Order>) {
        let owners = &self.shared.owners;
        let port = driver.port().clone();
        let mut epoch = port.epoch();
        owners.serve(port.clone());
        self.shared.announcer.serving(self.partition, epoch);
        loop {
            tokio::select! {
                order = orders.recv() => match order {
                    Some(Order::Found(cells)) => driver.found(cells),
                    Some(Order::Give) => return self.give(driver).await,
                    None => return,
                },
                taken = port.taken_again(epoch) => {
                    epoch = taken;
                    self.shared.announcer.serving(self.partition, epoch);
                }
                ended = driver.ended() => {
                    tracing::info!(partition = self.partition.0, ?ended, "a partition is not served here any more");
                    owners.leave(self.partition);
                    return;
                }
            }
        }
    }

    /// Hands the partition over: what was stepped is committed and said, every session ends, and then
    /// whoever is to have it may take it at once.
    async fn give(&self, driver: Driver) {
        // The replica may be ending.
        let _ = self.phases.send((self.partition, Phase::Giving));
        let shared = self.shared;
        let port = driver.port().clone();
        if let Err(error) = driver.stop(shared.durations.flush).await {
            tracing::warn!(%error, partition = self.partition.0, "a partition is given away as by a crash");
        }
        shared.owners.leave(self.partition);
        shared.leases.remove(self.partition);
        let epoch = port.epoch();
        let given = shared.store.give(self.partition, epoch, &shared.me);
        match within(shared.durations.lease_ttl, given).await {
            Some(Ok(())) => shared.announcer.given(self.partition, epoch),
            Some(Err(error)) => {
                let error: &dyn std::error::Error = &error;
                tracing::warn!(error, "a lease was not given; it ends by itself");
            }
            None => tracing::warn!("a lease was not given in time; it ends by itself"),
        }
    }
}

async fn within<T>(time: Duration, future: impl Future<Output = T>) -> Option<T> {
    tokio::time::timeout(time, future).await.ok()
}
