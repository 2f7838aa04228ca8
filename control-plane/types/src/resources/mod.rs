//! Exact resource arithmetic.
//!
//! A scalar is a whole number of thousandths of its unit (a core for `cpus`, a mebibyte for `mem`
//! and `disk`, a device for `gpus`), exactly the precision that Mesos promises; a float is turned
//! into thousandths where it arrives and never enters a decision. Ports are ranges; anything else
//! may be a scalar, a range or a set under a name of its own.
//!
//! The common scalars live in a plain array, so that adding and comparing the resources of ten
//! thousand agents neither allocates nor searches.

mod parse;
mod ranges;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::{Deserialize, Serialize};

pub use parse::ParseError;
pub use ranges::{Range, Ranges};

/// Thousandths of a unit.
pub type Millis = u64;

/// Largest scalar that is accepted, in thousandths: 2^53, beyond which a JSON number is not exact.
/// Sums over [`Millis`] of a whole cell still fit 64 bits two thousand times over.
pub const SCALAR_MAX: Millis = 1 << 53;

/// The scalars that every scheduler knows, by their place in [`Resources::scalars`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scalar {
    /// Cores.
    Cpus = 0,
    /// Mebibytes of memory.
    Mem = 1,
    /// Mebibytes of disk.
    Disk = 2,
    /// Devices.
    Gpus = 3,
}

impl Scalar {
    /// All of them, in their order.
    pub const ALL: [Self; 4] = [Self::Cpus, Self::Mem, Self::Disk, Self::Gpus];

    /// The name on the wire.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Cpus => "cpus",
            Self::Mem => "mem",
            Self::Disk => "disk",
            Self::Gpus => "gpus",
        }
    }

    /// The scalar of that name, if it is one of the common ones.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|scalar| scalar.name() == name)
    }
}

/// An amount of resources: of an agent, an offer, a task or a whole cell.
///
/// Absent and zero are the same. Only unreserved, non-revocable resources exist so far; a
/// reservation will be a second key beside the name, not a change of this type's arithmetic.
#[derive(Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Resources {
    scalars: [Millis; 4],
    custom: BTreeMap<String, Millis>,
    ranges: BTreeMap<String, Ranges>,
    sets: BTreeMap<String, BTreeSet<String>>,
}

impl Resources {
    /// Nothing.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// So many thousandths of a core and of a mebibyte.
    #[must_use]
    pub fn of(cpus: Millis, mem: Millis) -> Self {
        Self {
            scalars: [cpus, mem, 0, 0],
            ..Self::default()
        }
    }

    /// Whether there is nothing at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.scalars == [0; 4]
            && self.custom.is_empty()
            && self.ranges.is_empty()
            && self.sets.is_empty()
    }

    /// One of the common scalars, in thousandths.
    #[must_use]
    pub fn get(&self, scalar: Scalar) -> Millis {
        self.scalars[scalar as usize]
    }

    /// The common scalars in the order of [`Scalar::ALL`], in thousandths.
    #[must_use]
    pub fn scalars(&self) -> &[Millis; 4] {
        &self.scalars
    }

    /// Scalars under names of their own, by name, in thousandths, none of them zero.
    #[must_use]
    pub fn custom(&self) -> &BTreeMap<String, Millis> {
        &self.custom
    }

    /// Ranges by name, none of them empty.
    #[must_use]
    pub fn ranges(&self) -> &BTreeMap<String, Ranges> {
        &self.ranges
    }

    /// Sets by name, none of them empty.
    #[must_use]
    pub fn sets(&self) -> &BTreeMap<String, BTreeSet<String>> {
        &self.sets
    }

    /// All scalars that are not zero, by name, in thousandths.
    pub fn named_scalars(&self) -> impl Iterator<Item = (&str, Millis)> + '_ {
        let common = Scalar::ALL
            .into_iter()
            .map(|scalar| (scalar.name(), self.get(scalar)));
        let custom = self
            .custom
            .iter()
            .map(|(name, millis)| (name.as_str(), *millis));
        common.chain(custom).filter(|(_, millis)| *millis > 0)
    }

    /// Any scalar by name, in thousandths; zero if absent.
    #[must_use]
    pub fn scalar(&self, name: &str) -> Millis {
        match Scalar::from_name(name) {
            Some(scalar) => self.get(scalar),
            None => self.custom.get(name).copied().unwrap_or(0),
        }
    }

    /// Adds to a scalar by name; saturates at the largest number.
    pub fn add_scalar(&mut self, name: &str, millis: Millis) {
        if let Some(scalar) = Scalar::from_name(name) {
            let slot = &mut self.scalars[scalar as usize];
            *slot = slot.saturating_add(millis);
        } else if millis > 0 {
            let slot = self.custom.entry(name.to_owned()).or_default();
            *slot = slot.saturating_add(millis);
        }
    }

    /// Adds ranges by name.
    pub fn add_ranges(&mut self, name: &str, ranges: &Ranges) {
        if !ranges.is_empty() {
            self.ranges.entry(name.to_owned()).or_default().add(ranges);
        }
    }

    /// Adds items of a set by name.
    pub fn add_items(&mut self, name: &str, items: impl IntoIterator<Item = String>) {
        let mut items = items.into_iter().peekable();
        if items.peek().is_some() {
            self.sets.entry(name.to_owned()).or_default().extend(items);
        }
    }

    /// Adds all of `other`.
    pub fn add(&mut self, other: &Self) {
        for (slot, more) in self.scalars.iter_mut().zip(other.scalars) {
            *slot = slot.saturating_add(more);
        }
        for (name, millis) in &other.custom {
            self.add_scalar(name, *millis);
        }
        for (name, ranges) in &other.ranges {
            self.add_ranges(name, ranges);
        }
        for (name, items) in &other.sets {
            self.add_items(name, items.iter().cloned());
        }
    }

    /// Takes away `other`; what is not there cannot be taken, so nothing falls below zero.
    pub fn subtract(&mut self, other: &Self) {
        for (slot, less) in self.scalars.iter_mut().zip(other.scalars) {
            *slot = slot.saturating_sub(less);
        }
        for (name, less) in &other.custom {
            if let Some(slot) = self.custom.get_mut(name) {
                *slot = slot.saturating_sub(*less);
            }
        }
        for (name, less) in &other.ranges {
            if let Some(slot) = self.ranges.get_mut(name) {
                slot.subtract(less);
            }
        }
        for (name, less) in &other.sets {
            if let Some(slot) = self.sets.get_mut(name) {
                slot.retain(|item| !less.contains(item));
            }
        }
        self.drop_empty();
    }

    /// Whether all of `other` is in here.
    #[must_use]
    pub fn contains(&self, other: &Self) -> bool {
        self.scalars
            .iter()
            .zip(other.scalars)
            .all(|(have, want)| *have >= want)
            && other
                .custom
                .iter()
                .all(|(name, want)| self.scalar(name) >= *want)
            && other.ranges.iter().all(|(name, want)| {
                self.ranges
                    .get(name)
                    .is_some_and(|have| have.contains(want))
            })
            && other.sets.iter().all(|(name, want)| {
                self.sets
                    .get(name)
                    .is_some_and(|have| have.is_superset(want))
            })
    }

    /// The names of the scalars of which `self` has less than `wanted`, with both amounts in
    /// thousandths: what a person needs to read to know why something does not fit.
    #[must_use]
    pub fn shortfall(&self, wanted: &Self) -> Vec<(String, Millis, Millis)> {
        let common = Scalar::ALL
            .into_iter()
            .map(|scalar| scalar.name().to_owned());
        common
            .chain(wanted.custom.keys().cloned())
            .map(|name| (self.scalar(&name), wanted.scalar(&name), name))
            .filter(|(have, want, _)| have < want)
            .map(|(have, want, name)| (name, have, want))
            .collect()
    }

    /// Sums over any number of resources.
    #[must_use]
    pub fn sum<'a>(all: impl IntoIterator<Item = &'a Self>) -> Self {
        let mut total = Self::new();
        for each in all {
            total.add(each);
        }
        total
    }

    fn drop_empty(&mut self) {
        self.custom.retain(|_, millis| *millis > 0);
        self.ranges.retain(|_, ranges| !ranges.is_empty());
        self.sets.retain(|_, items| !items.is_empty());
    }
}

/// Writes thousandths as a decimal number without superfluous zeros.
///
/// # Errors
/// Those of the formatter.
pub fn write_millis(f: &mut impl fmt::Write, millis: Millis) -> fmt::Result {
    let (whole, rest) = (millis / 1000, millis % 1000);
    if rest == 0 {
        return write!(f, "{whole}");
    }
    let digits = format!("{rest:03}");
    write!(f, "{whole}.{}", digits.trim_end_matches('0'))
}

/// Prints the notation that [`Resources`] parses: `cpus:4;mem:2048;ports:[31000-32000]`.
impl fmt::Display for Resources {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut separator = "";
        for (name, millis) in self.named_scalars() {
            write!(f, "{separator}{name}:")?;
            write_millis(f, millis)?;
            separator = ";";
        }
        for (name, ranges) in &self.ranges {
            write!(f, "{separator}{name}:{ranges}")?;
            separator = ";";
        }
        for (name, items) in &self.sets {
            let items: Vec<&str> = items.iter().map(String::as_str).collect();
            write!(f, "{separator}{name}:{{{}}}", items.join(","))?;
            separator = ";";
        }
        Ok(())
    }
}

impl fmt::Debug for Resources {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Resources({self})")
    }
}

impl From<Resources> for String {
    fn from(resources: Resources) -> Self {
        resources.to_string()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn parse(text: &str) -> Resources {
        text.parse().unwrap()
    }

    #[test]
    fn what_is_added_can_be_taken_away_again() {
        let total = parse("cpus:4;mem:2048;licences:3;ports:[31000-32000];zone:{a,b}");
        let part = parse("cpus:0.1;mem:32;licences:1;ports:[31005-31006];zone:{b}");
        assert!(total.contains(&part));
        let mut rest = total.clone();
        rest.subtract(&part);
        assert_eq!(
            rest.to_string(),
            "cpus:3.9;mem:2016;licences:2;ports:[31000-31004,31007-32000];zone:{a}"
        );
        rest.add(&part);
        assert_eq!(rest, total);
    }

    #[test]
    fn taking_more_than_there_is_leaves_nothing() {
        let mut small = parse("cpus:1;licences:1;ports:[1-2]");
        small.subtract(&parse("cpus:2;mem:5;licences:2;ports:[1-9]"));
        assert!(small.is_empty());
    }

    #[test]
    fn a_shortfall_names_what_is_missing() {
        let have = parse("cpus:1;mem:10");
        let want = parse("cpus:2;mem:5;licences:1");
        assert!(!have.contains(&want));
        assert_eq!(
            have.shortfall(&want),
            [
                ("cpus".to_owned(), 1000, 2000),
                ("licences".to_owned(), 0, 1000)
            ]
        );
    }
}
