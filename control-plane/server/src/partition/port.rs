//! The local way to a partition.

use std::collections::BTreeMap;
use std::future;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::Duration;

use insula_types::{CellId, Epoch, PartitionId};
use tokio::sync::{mpsc, watch};

use super::Lease;
use super::credits::Credits;
use super::handle::{Events, Handle, Request};
use super::sessions::Sessions;
use super::status::PartitionStatus;
use super::whereabouts::Whereabouts;

/// The way to a partition that this process owns; cheap to clone. It stays valid while the driver
/// loads its cells anew, under whatever epoch.
#[derive(Debug, Clone)]
pub struct Port {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    partition: PartitionId,
    epoch: AtomicU64,
    requests: mpsc::UnboundedSender<Request>,
    sessions: Sessions,
    lease: Option<Arc<Lease>>,
    whereabouts: Whereabouts,
    cells: RwLock<BTreeMap<CellId, Door>>,
    status: watch::Receiver<PartitionStatus>,
}

/// What all handles of one cell share.
#[derive(Debug, Clone, Default)]
struct Door {
    credits: Credits,
    events: Events,
}

impl Port {
    pub(super) fn new(
        partition: PartitionId,
        requests: mpsc::UnboundedSender<Request>,
        sessions: Sessions,
        lease: Option<Arc<Lease>>,
        status: watch::Receiver<PartitionStatus>,
    ) -> Self {
        Self {
            shared: Arc::new(Shared {
                partition,
                epoch: AtomicU64::new(0),
                requests,
                sessions,
                lease,
                whereabouts: Whereabouts::default(),
                cells: RwLock::default(),
                status,
            }),
        }
    }

    /// Which partition.
    #[must_use]
    pub fn partition(&self) -> PartitionId {
        self.shared.partition
    }

    /// The number of the ownership that it is served under.
    #[must_use]
    pub fn epoch(&self) -> Epoch {
        Epoch(self.shared.epoch.load(Ordering::Acquire))
    }

    /// Waits until the partition is served under a higher epoch than that. Cancel-safe.
    pub async fn taken_again(&self, epoch: Epoch) -> Epoch {
        let mut status = self.shared.status.clone();
        let is_other = |status: &PartitionStatus| status.epoch > epoch;
        let taken = status.wait_for(is_other).await.map(|status| status.epoch);
        match taken {
            Ok(taken) => taken,
            // The driver has ended, and says so itself.
            Err(_) => future::pending().await,
        }
    }

    pub(super) fn set_epoch(&self, epoch: Epoch) {
        self.shared.epoch.store(epoch.0, Ordering::Release);
    }

    /// A handle to one of its cells; nothing if the driver has not heard of that cell, or not yet.
    #[must_use]
    pub fn cell(&self, cell: &CellId) -> Option<Handle> {
        let door = self.read().get(cell).cloned()?;
        Some(Handle {
            requests: self.shared.requests.clone(),
            credits: door.credits,
            events: door.events,
            sessions: self.shared.sessions.of(cell),
            whereabouts: self.shared.whereabouts.clone(),
        })
    }

    /// How the partition is, as of a moment ago.
    #[must_use]
    pub fn status(&self) -> PartitionStatus {
        self.shared.status.borrow().clone()
    }

    /// For how long its lease was not renewed; nothing where there is none.
    #[must_use]
    pub fn lease_age(&self) -> Option<Duration> {
        self.shared.lease.as_ref()?.age()
    }

    pub(super) fn sessions(&self) -> &Sessions {
        &self.shared.sessions
    }

    pub(super) fn whereabouts(&self) -> &Whereabouts {
        &self.shared.whereabouts
    }

    /// Makes the door of a cell, if it has none.
    pub(super) fn admit(&self, cell: &CellId) {
        self.write().entry(cell.clone()).or_default();
    }

    /// Where the events of a cell go.
    pub(super) fn events(&self, cell: &CellId) -> Option<Events> {
        Some(self.read().get(cell)?.events.clone())
    }

    /// Lets nobody in any more.
    pub(super) fn close(&self) {
        for door in self.read().values() {
            door.credits.close();
        }
    }

    fn read(&self) -> RwLockReadGuard<'_, BTreeMap<CellId, Door>> {
        let cells = self.shared.cells.read();
        cells.unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, BTreeMap<CellId, Door>> {
        let cells = self.shared.cells.write();
        cells.unwrap_or_else(PoisonError::into_inner)
    }
}
