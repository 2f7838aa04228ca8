//! Quota limits.

use std::collections::BTreeMap;

use insula_types::Resources;
use insula_types::resources::{Millis, Scalar};

use super::MIN_ALLOCATABLE;
use super::quantities::Quantities;

/// The most that everything below a node may use and be offered together, in thousandths.
#[derive(Debug, Clone)]
pub(super) struct Limit {
    common: [Millis; 4],
    by_name: BTreeMap<String, Millis>,
}

impl Default for Limit {
    fn default() -> Self {
        Self {
            common: [Millis::MAX; 4],
            by_name: BTreeMap::new(),
        }
    }
}

impl Limit {
    pub(super) fn new(by_name: BTreeMap<String, Millis>) -> Self {
        let common = Scalar::ALL.map(|s| by_name.get(s.name()).copied().unwrap_or(Millis::MAX));
        Self { common, by_name }
    }

    pub(super) fn is_none(&self) -> bool {
        self.by_name.is_empty()
    }

    pub(super) fn by_name(&self) -> &BTreeMap<String, Millis> {
        &self.by_name
    }

    /// The scalars without which an allocation would be of no use, and of which the limit leaves less
    /// than the smallest allocation.
    ///
    /// Mesos would go on offering the memory of every agent to a role that has used up its cores; a
    /// task needs both, so such an offer only keeps the memory from others.
    pub(super) fn exhausted(&self, allocated: &Quantities) -> impl Iterator<Item = Scalar> {
        let short = [Scalar::Cpus, Scalar::Mem].map(|scalar| {
            let place = scalar as usize;
            let left = self.common[place].saturating_sub(allocated.common()[place]);
            (left < MIN_ALLOCATABLE[place]).then_some(scalar)
        });
        short.into_iter().flatten()
    }

    /// Takes from `amount` what does not fit below the limit any more; scalars only, since limits are
    /// limits of scalars. Returns whether anything was taken.
    pub(super) fn chop(&self, allocated: &Quantities, amount: &mut Resources) -> bool {
        let mut over = Resources::new();
        for (name, limit) in &self.by_name {
            let left = limit.saturating_sub(allocated.scalar(name));
            over.add_scalar(name, amount.scalar(name).saturating_sub(left));
        }
        if over.is_empty() {
            return false;
        }
        amount.subtract(&over);
        true
    }
}
