//! Sums of scalars: what a node of the role tree holds, and what the cell has.

use std::collections::BTreeMap;

use insula_types::Resources;
use insula_types::resources::{Millis, Scalar};

/// Scalars by name, in thousandths, without ranges and sets: shares and limits know only these.
///
/// Sums saturate. An agent's scalar is at most 2^53 thousandths, so that takes two thousand agents
/// that all claim the maximum; their cell then orders its roles wrongly, and harms no other.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Quantities {
    common: [Millis; 4],
    custom: BTreeMap<String, Millis>,
}

impl Quantities {
    pub(super) fn common(&self) -> &[Millis; 4] {
        &self.common
    }

    pub(super) fn custom(&self) -> &BTreeMap<String, Millis> {
        &self.custom
    }

    pub(super) fn scalar(&self, name: &str) -> Millis {
        match Scalar::from_name(name) {
            Some(scalar) => self.common[scalar as usize],
            None => self.custom.get(name).copied().unwrap_or(0),
        }
    }

    pub(super) fn add(&mut self, more: &Resources) {
        for (sum, more) in self.common.iter_mut().zip(more.scalars()) {
            *sum = sum.saturating_add(*more);
        }
        for (name, more) in more.custom() {
            if let Some(sum) = self.custom.get_mut(name) {
                *sum = sum.saturating_add(*more);
            } else {
                self.custom.insert(name.clone(), *more);
            }
        }
    }

    pub(super) fn subtract(&mut self, less: &Resources) {
        for (sum, less) in self.common.iter_mut().zip(less.scalars()) {
            *sum = sum.saturating_sub(*less);
        }
        for (name, less) in less.custom() {
            if let Some(sum) = self.custom.get_mut(name) {
                *sum = sum.saturating_sub(*less);
                if *sum == 0 {
                    self.custom.remove(name);
                }
            }
        }
    }

    pub(super) fn to_resources(&self) -> Resources {
        let mut resources = Resources::new();
        for scalar in Scalar::ALL {
            resources.add_scalar(scalar.name(), self.common[scalar as usize]);
        }
        for (name, millis) in &self.custom {
            resources.add_scalar(name, *millis);
        }
        resources
    }
}
