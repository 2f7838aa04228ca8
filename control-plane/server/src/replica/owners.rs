//! Who owns which partition, for gateways.

use std::collections::BTreeMap;
use std::sync::Arc;

use insula_types::membership::Membership;
use insula_types::{Epoch, PartitionId, ReplicaId};
use tokio::sync::{Notify, watch};

use super::table::{Row, Table};
use crate::partition::{PartitionStatus, Port};

/// The owner of one partition.
#[derive(Debug, Clone)]
pub enum Owner {
    /// This process.
    Here(Port),
    /// Another replica.
    There {
        /// Which.
        replica: ReplicaId,
        /// Where other replicas reach it, `host:port`.
        advertise: String,
        /// The number of its ownership.
        epoch: Epoch,
    },
    /// Nobody that is known.
    Nobody,
}

/// Who owns which partition, as this replica knows it; cheap to clone. That may be over already: an
/// owner that is reached is known by its epoch, and a higher one counts (rule R17).
#[derive(Debug, Clone)]
pub struct Owners {
    me: ReplicaId,
    known: watch::Sender<Known>,
    membership: watch::Sender<Arc<Membership>>,
    /// Wakes the keeper, which looks who is there.
    nudge: Arc<Notify>,
}

#[derive(Debug)]
struct Known {
    table: Table,
    ports: BTreeMap<PartitionId, Port>,
}

impl Owners {
    pub(crate) fn new(me: ReplicaId, partitions: u16, nudge: Arc<Notify>) -> Self {
        let table = Table::nobody(partitions);
        let ports = BTreeMap::new();
        Self {
            me,
            known: watch::Sender::new(Known { table, ports }),
            membership: watch::Sender::new(Arc::default()),
            nudge,
        }
    }

    /// One process that owns the only partition there is, for good.
    #[must_use]
    pub fn alone(port: Port) -> Self {
        let owners = Self::new("".into(), 1, Arc::default());
        owners.serve(port);
        owners
    }

    /// This replica.
    #[must_use]
    pub fn me(&self) -> &ReplicaId {
        &self.me
    }

    /// How many partitions there are; they are numbered from 0.
    #[must_use]
    pub fn partitions(&self) -> u16 {
        self.known.borrow().table.partitions
    }

    /// The owner of a partition.
    #[must_use]
    pub fn of(&self, partition: PartitionId) -> Owner {
        let known = self.known.borrow();
        if let Some(port) = known.ports.get(&partition) {
            return Owner::Here(port.clone());
        }
        match known.table.of(partition) {
            Some(row) if row.replica != self.me => Owner::There {
                replica: row.replica.clone(),
                advertise: row.advertise.clone(),
                epoch: row.epoch,
            },
            // What this replica is about to serve, or has just stopped to.
            _ => Owner::Nobody,
        }
    }

    /// Waits until a condition holds, which is asked again whenever an owner changes and after each
    /// beat. Cancel-safe.
    pub async fn until(&self, mut condition: impl FnMut(&Self) -> bool) {
        let mut known = self.known.subscribe();
        let mut membership = self.membership.subscribe();
        while !condition(self) {
            // Both senders are in here.
            tokio::select! {
                _ = known.changed() => {}
                _ = membership.changed() => {}
            }
        }
    }

    /// Who is there, as of the last beat.
    #[must_use]
    pub fn membership(&self) -> Arc<Membership> {
        self.membership.borrow().clone()
    }

    /// The ways to the partitions that this replica serves.
    #[must_use]
    pub fn ports(&self) -> Vec<Port> {
        self.known.borrow().ports.values().cloned().collect()
    }

    /// How the partitions are that this replica serves.
    #[must_use]
    pub fn status(&self) -> Vec<PartitionStatus> {
        let known = self.known.borrow();
        known.ports.values().map(Port::status).collect()
    }

    /// Another replica says that it serves a partition. Never waits.
    pub fn serving(&self, partition: PartitionId, epoch: Epoch, replica: &ReplicaId) {
        let membership = self.membership();
        let Some(row) = membership.replica(replica) else {
            // One that has just come: the next beat shows it.
            self.nudge.notify_one();
            return;
        };
        let row = Row {
            epoch,
            replica: replica.clone(),
            advertise: row.advertise.clone(),
        };
        self.known.send_if_modified(|known| {
            let is_news = known.table.announce(partition, row);
            known.drop_outdated(partition, epoch) || is_news
        });
    }

    /// Another replica says that it gave a partition away; perhaps to this one, which looks at once.
    /// Never waits.
    pub fn given(&self, partition: PartitionId, epoch: Epoch) {
        self.known
            .send_if_modified(|known| known.table.forget(partition, epoch));
        self.nudge.notify_one();
    }

    /// This process serves a partition.
    pub(super) fn serve(&self, port: Port) {
        self.known.send_modify(|known| {
            known.ports.insert(port.partition(), port);
        });
    }

    /// This process does not serve a partition any more.
    pub(super) fn leave(&self, partition: PartitionId) {
        self.known.send_if_modified(|known| {
            let port = known.ports.remove(&partition);
            if let Some(port) = &port {
                known.table.forget(partition, port.epoch());
            }
            port.is_some()
        });
    }

    /// Takes over what a beat found.
    pub(crate) fn update(&self, found: Arc<Membership>) {
        self.known.send_if_modified(|known| {
            let before = known.table.clone();
            known.table.update(&found);
            let mut is_news = known.table != before;
            for lease in &found.leases {
                if lease.replica.as_ref() != Some(&self.me) {
                    is_news |= known.drop_outdated(lease.partition, lease.epoch);
                }
            }
            is_news
        });
        self.membership.send_replace(found);
    }

    /// Makes the keeper look who is there.
    pub(super) fn nudger(&self) -> Arc<Notify> {
        Arc::clone(&self.nudge)
    }

    /// The membership, for whoever wants to know of each change.
    pub(super) fn watch_membership(&self) -> watch::Receiver<Arc<Membership>> {
        self.membership.subscribe()
    }
}

impl Known {
    /// Somebody else has an epoch of a partition: a driver here of a lower one has lost it, whether
    /// it knows that or not.
    fn drop_outdated(&mut self, partition: PartitionId, epoch: Epoch) -> bool {
        let port = self.ports.get(&partition);
        if port.is_none_or(|port| port.epoch() >= epoch) {
            return false;
        }
        self.ports.remove(&partition).is_some()
    }
}
