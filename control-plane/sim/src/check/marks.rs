//! A question that is asked again was certainly not applied (rules R4, R16).

use std::collections::BTreeMap;

use insula_pipeline::{Marks, SenderId};
use insula_types::{LinkId, PartitionId};

use super::{Violation, must};

/// The lowest number of each link that a gateway took for not applied.
#[derive(Debug, Default)]
pub(crate) struct Retried(BTreeMap<(PartitionId, SenderId), u64>);

impl Retried {
    /// A gateway asks again what it said under that number.
    pub(crate) fn was_not_applied(
        &mut self,
        partition: PartitionId,
        link: &LinkId,
        seq: u64,
        stored: &Marks,
    ) -> Result<(), Violation> {
        let key = (partition, SenderId(link.as_str().into()));
        let lowest = self.0.entry(key).or_insert(seq);
        *lowest = seq.min(*lowest);
        self.stays_so(partition, stored)
    }

    /// Nobody commits it later either.
    pub(crate) fn stays_so(&self, partition: PartitionId, marks: &Marks) -> Result<(), Violation> {
        for (sender, mark) in marks {
            let retried = self.0.get(&(partition, sender.clone()));
            must(
                retried.is_none_or(|seq| mark < seq),
                "what is asked again was not applied and never will be",
                || format!("{sender:?} is applied up to {mark}, and {retried:?} was asked again"),
            )?;
        }
        Ok(())
    }
}
