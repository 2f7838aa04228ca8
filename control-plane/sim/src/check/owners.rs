//! One owner at a time: commits of two never interleave (rules R1, R5).

use std::collections::BTreeMap;

use insula_types::{Epoch, PartitionId};

use super::{Violation, must};
use crate::driver::DriverId;
use crate::replica::ReplicaNo;

/// Who took which partition, and who committed last.
#[derive(Debug, Default)]
pub(crate) struct Owners {
    takers: BTreeMap<Epoch, (PartitionId, ReplicaNo)>,
    latest: BTreeMap<PartitionId, Epoch>,
}

impl Owners {
    pub(crate) fn took(&mut self, partition: PartitionId, epoch: Epoch, by: ReplicaNo) {
        self.takers.insert(epoch, (partition, by));
    }

    /// A commit is made by whoever took the partition in that epoch, and none of a lower epoch comes
    /// after one of a higher.
    pub(crate) fn commits_never_interleave(&mut self, by: DriverId) -> Result<(), Violation> {
        let taker = self.takers.get(&by.epoch);
        must(
            taker == Some(&(by.partition, by.replica)),
            "only the taker of an epoch commits in it",
            || format!("{by} commits in {}, which is of {taker:?}", by.epoch),
        )?;
        let latest = self.latest.entry(by.partition).or_insert(by.epoch);
        must(
            by.epoch >= *latest,
            "no commit of a lower epoch comes after one of a higher",
            || format!("{by} commits in {} after {latest}", by.epoch),
        )?;
        *latest = by.epoch;
        Ok(())
    }
}
