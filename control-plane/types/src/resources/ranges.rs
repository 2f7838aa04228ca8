//! Sets of whole numbers as ranges: ports, mostly.

use std::fmt;

/// Numbers from `begin` to `end`, both included; `begin <= end`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Range {
    /// The first number.
    pub begin: u64,
    /// The last number.
    pub end: u64,
}

/// Ranges in ascending order that neither overlap nor touch.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ranges(Vec<Range>);

impl Ranges {
    /// Merges ranges in any order; those whose end lies before their begin are dropped.
    #[must_use]
    pub fn new(ranges: impl IntoIterator<Item = Range>) -> Self {
        let mut sorted: Vec<Range> = ranges
            .into_iter()
            .filter(|range| range.begin <= range.end)
            .collect();
        sorted.sort_unstable();
        let mut merged: Vec<Range> = Vec::with_capacity(sorted.len());
        for range in sorted {
            match merged.last_mut() {
                Some(last) if range.begin <= last.end.saturating_add(1) => {
                    last.end = last.end.max(range.end);
                }
                _ => merged.push(range),
            }
        }
        Self(merged)
    }

    /// The ranges in ascending order.
    pub fn iter(&self) -> impl Iterator<Item = Range> + '_ {
        self.0.iter().copied()
    }

    /// Whether there is no number in here.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many numbers are in here; saturates.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.0.iter().fold(0, |sum: u64, range| {
            sum.saturating_add(range.end - range.begin)
                .saturating_add(1)
        })
    }

    /// Adds all of `other`.
    pub fn add(&mut self, other: &Self) {
        *self = Self::new(self.iter().chain(other.iter()));
    }

    /// Takes all of `other` away.
    pub fn subtract(&mut self, other: &Self) {
        let mut left = Vec::with_capacity(self.0.len() + other.0.len());
        for range in &self.0 {
            // What is left of the range from here on; nothing once a hole reaches its end.
            let mut begin = Some(range.begin);
            let first = other.0.partition_point(|hole| hole.end < range.begin);
            for hole in other.0[first..]
                .iter()
                .take_while(|hole| hole.begin <= range.end)
            {
                if let Some(begin) = begin.filter(|begin| *begin < hole.begin) {
                    left.push(Range {
                        begin,
                        end: hole.begin - 1,
                    });
                }
                begin = hole.end.checked_add(1).filter(|next| *next <= range.end);
            }
            left.extend(begin.map(|begin| Range {
                begin,
                end: range.end,
            }));
        }
        self.0 = left;
    }

    /// Whether all of `other` is in here.
    #[must_use]
    pub fn contains(&self, other: &Self) -> bool {
        other.0.iter().all(|want| {
            self.0
                .iter()
                .any(|have| have.begin <= want.begin && want.end <= have.end)
        })
    }
}

/// Prints `[1-5,7-7]`.
impl fmt::Display for Ranges {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ranges: Vec<String> = self
            .0
            .iter()
            .map(|range| format!("{}-{}", range.begin, range.end))
            .collect();
        write!(f, "[{}]", ranges.join(","))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    fn numbers(ranges: &Ranges) -> BTreeSet<u64> {
        ranges
            .iter()
            .flat_map(|range| range.begin..=range.end)
            .collect()
    }

    fn any_ranges() -> impl Strategy<Value = Ranges> {
        prop::collection::vec((0_u64..60, 0_u64..8), 0..8).prop_map(|pairs| {
            Ranges::new(pairs.into_iter().map(|(begin, more)| Range {
                begin,
                end: begin + more,
            }))
        })
    }

    proptest! {
        #[test]
        fn ranges_are_sets_of_numbers(a in any_ranges(), b in any_ranges()) {
            let (left, right) = (numbers(&a), numbers(&b));
            let mut sum = a.clone();
            sum.add(&b);
            prop_assert_eq!(numbers(&sum), left.union(&right).copied().collect());
            let mut rest = a.clone();
            rest.subtract(&b);
            prop_assert_eq!(numbers(&rest), left.difference(&right).copied().collect());
            prop_assert_eq!(a.contains(&b), right.is_subset(&left));
            prop_assert_eq!(a.len(), left.len() as u64);
        }
    }

    #[test]
    fn the_largest_numbers_do_not_overflow() {
        let mut all = Ranges::new([Range {
            begin: 0,
            end: u64::MAX,
        }]);
        assert_eq!(all.len(), u64::MAX);
        all.subtract(&Ranges::new([Range {
            begin: 5,
            end: u64::MAX,
        }]));
        assert_eq!(all.to_string(), "[0-4]");
    }
}
