//! The table of owners.

use std::collections::BTreeMap;

use insula_types::membership::Membership;
use insula_types::{Epoch, PartitionId, ReplicaId};

/// The owner of one partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Row {
    /// The number of its ownership.
    pub(super) epoch: Epoch,
    /// Which replica it is.
    pub(super) replica: ReplicaId,
    /// Where other replicas reach it, `host:port`.
    pub(super) advertise: String,
}

/// The owners of all partitions. What is in here may be over already: an owner that is reached is
/// known by its epoch, and a higher one counts (rule R17).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Table {
    /// How many partitions there are; they are numbered from 0.
    pub(super) partitions: u16,
    /// Those that have an owner.
    by_partition: BTreeMap<PartitionId, Row>,
}

impl Table {
    /// Nobody owns anything yet.
    pub(super) fn nobody(partitions: u16) -> Self {
        Self {
            partitions,
            by_partition: BTreeMap::new(),
        }
    }

    /// The owner of a partition, if it has one.
    pub(super) fn of(&self, partition: PartitionId) -> Option<&Row> {
        self.by_partition.get(&partition)
    }

    /// Takes over what a beat found. An owner that was announced since, under a higher epoch, stays.
    pub(super) fn update(&mut self, membership: &Membership) {
        self.partitions = membership.partitions;
        for lease in &membership.leases {
            let known = self.of(lease.partition);
            if known.is_some_and(|known| known.epoch > lease.epoch) {
                continue;
            }
            match membership.owner(lease.partition) {
                Some((replica, epoch)) => {
                    let owner = Row {
                        epoch,
                        replica: replica.replica.clone(),
                        advertise: replica.advertise.clone(),
                    };
                    self.by_partition.insert(lease.partition, owner);
                }
                None => {
                    self.by_partition.remove(&lease.partition);
                }
            }
        }
    }

    /// An owner says that it serves; whether that is news.
    pub(super) fn announce(&mut self, partition: PartitionId, owner: Row) -> bool {
        let known = self.of(partition);
        if known.is_some_and(|known| known.epoch >= owner.epoch) {
            return false;
        }
        self.by_partition.insert(partition, owner);
        true
    }

    /// An owner gave its partition away; whether that is news.
    pub(super) fn forget(&mut self, partition: PartitionId, epoch: Epoch) -> bool {
        let known = self.of(partition);
        if known.is_none_or(|known| known.epoch > epoch) {
            return false;
        }
        self.by_partition.remove(&partition).is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn owner(epoch: u64, replica: &str) -> Row {
        Row {
            epoch: Epoch(epoch),
            replica: replica.into(),
            advertise: format!("{replica}:1"),
        }
    }

    #[test]
    fn what_is_older_never_replaces_what_is_newer() {
        let mut owners = Table::nobody(4);
        assert!(owners.announce(PartitionId(1), owner(5, "a")));
        assert!(!owners.announce(PartitionId(1), owner(4, "b")));
        assert!(!owners.forget(PartitionId(1), Epoch(4)));
        assert!(owners.forget(PartitionId(1), Epoch(5)));
        assert_eq!(owners.of(PartitionId(1)), None);
    }
}
