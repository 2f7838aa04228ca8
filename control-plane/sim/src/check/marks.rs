//! A question that is asked again was certainly not applied (rules R4, R16).

use std::collections::BTreeMap;

use insula_pipeline::{Marks, SenderId};
use insula_types::{LinkId, PartitionId};

use super::{Violation, must};

/// What gateways took for not applied, beside what was.
#[derive(Debug, Default)]
pub(crate) struct Retried {
    /// The lowest number of each link that was asked again.
    retried: BTreeMap<(PartitionId, SenderId), u64>,
    /// The highest number of each link that any commit had, whatever became of it in the store.
    applied: BTreeMap<(PartitionId, SenderId), u64>,
}

impl Retried {
    /// A gateway asks again what it said under that number.
    pub(crate) fn was_not_applied(
        &mut self,
        partition: PartitionId,
        link: &LinkId,
        seq: u64,
    ) -> Result<(), Violation> {
        let key = (partition, SenderId(link.as_str().into()));
        let lowest = self.retried.entry(key.clone()).or_insert(seq);
        *lowest = seq.min(*lowest);
        self.check(&key)
    }

    /// A commit has applied what it has marks for: nobody commits later what was asked again.
    pub(crate) fn are_applied(
        &mut self,
        partition: PartitionId,
        marks: &Marks,
    ) -> Result<(), Violation> {
        for (sender, mark) in marks {
            let key = (partition, sender.clone());
            let highest = self.applied.entry(key.clone()).or_insert(*mark);
            *highest = *mark.max(highest);
            self.check(&key)?;
        }
        Ok(())
    }

    fn check(&self, key: &(PartitionId, SenderId)) -> Result<(), Violation> {
        let (applied, retried) = (self.applied.get(key), self.retried.get(key));
        must(
            applied
                .zip(retried)
                .is_none_or(|(applied, retried)| applied < retried),
            "what is asked again was not applied and never will be",
            || {
                format!(
                    "{:?} is applied up to {applied:?}, and {retried:?} was asked again",
                    key.1
                )
            },
        )
    }
}
