//! Weighted dominant shares as exact ratios.

use std::cmp::Ordering;

use insula_types::resources::Millis;

use super::quantities::Quantities;

/// A dominant share divided by a weight: the ratio `part / whole`, where `whole` is the cell's total
/// of the dominant scalar times the weight.
///
/// Ratios are compared by cross multiplication in 192 bits, which no amount and weight overflows,
/// so two shares are equal only if they are exactly equal.
///
/// Source: Ghodsi et al., "Dominant Resource Fairness", NSDI 2011, sections 4 and 4.3 (weights).
#[derive(Debug, Clone, Copy)]
pub(super) struct Share {
    part: u64,
    whole: u128,
}

impl Share {
    /// The share of a node that holds nothing.
    pub(super) const ZERO: Self = Self { part: 0, whole: 1 };

    /// The largest fraction that `allocated` is of `total` in any scalar that the cell has, divided by
    /// `weight`, which is at least 1.
    pub(super) fn of(allocated: &Quantities, total: &Quantities, weight: Millis) -> Self {
        let mut dominant = (0, 1);
        for (part, whole) in allocated.common().iter().zip(total.common()) {
            dominant = larger(dominant, (*part, *whole));
        }
        for (name, part) in allocated.custom() {
            dominant = larger(dominant, (*part, total.scalar(name)));
        }
        let (part, whole) = dominant;
        Self {
            part,
            whole: u128::from(whole) * u128::from(weight),
        }
    }

    /// The ratio as (numerator, denominator), for views.
    pub(super) fn ratio(self) -> (u64, u128) {
        (self.part, self.whole)
    }
}

fn larger(best: (u64, u64), other: (u64, u64)) -> (u64, u64) {
    let is_larger = other.1 > 0
        && u128::from(other.0) * u128::from(best.1) > u128::from(best.0) * u128::from(other.1);
    if is_larger { other } else { best }
}

/// A product of 64 and 128 bits as (upper 128 bits, lower 64 bits).
fn product(part: u64, whole: u128) -> (u128, u128) {
    const LOW: u128 = u64::MAX as u128;
    let part = u128::from(part);
    let low = part * (whole & LOW);
    (part * (whole >> 64) + (low >> 64), low & LOW)
}

impl Ord for Share {
    fn cmp(&self, other: &Self) -> Ordering {
        product(self.part, other.whole).cmp(&product(other.part, self.whole))
    }
}

impl PartialOrd for Share {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Share {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Share {}

#[cfg(test)]
mod tests {
    use super::*;
    use insula_types::Resources;

    fn sum(text: &str) -> Quantities {
        let mut quantities = Quantities::default();
        quantities.add(&text.parse::<Resources>().unwrap());
        quantities
    }

    #[test]
    fn the_dominant_scalar_decides() {
        let total = sum("cpus:9;mem:18");
        let memory_bound = Share::of(&sum("cpus:2;mem:8"), &total, 1000);
        let cpu_bound = Share::of(&sum("cpus:3;mem:1"), &total, 1000);
        assert!(
            cpu_bound < memory_bound,
            "3/9 of the cpus is less than 8/18 of the memory"
        );
        assert_eq!(
            Share::of(&sum("cpus:4"), &total, 1000),
            memory_bound,
            "4/9 equals 8/18"
        );
    }

    #[test]
    fn a_weight_divides_the_share() {
        let total = sum("cpus:9;mem:18");
        let light = Share::of(&sum("cpus:1"), &total, 1000);
        let heavy = Share::of(&sum("cpus:2"), &total, 3000);
        assert!(heavy < light);
    }

    #[test]
    fn scalars_that_the_cell_has_not_do_not_count() {
        let total = sum("cpus:9");
        assert_eq!(
            Share::of(&sum("mem:5;licences:7"), &total, 1000),
            Share::ZERO
        );
        assert!(Share::of(&sum("licences:7"), &sum("cpus:9;licences:8"), 1000) > Share::ZERO);
    }

    #[test]
    fn the_largest_numbers_compare_exactly() {
        let most = Share {
            part: u64::MAX,
            whole: u128::MAX,
        };
        let less = Share {
            part: u64::MAX - 1,
            whole: u128::MAX,
        };
        assert!(less < most);
        assert!(Share::ZERO < less);
        assert_eq!(most.cmp(&most), Ordering::Equal);
    }
}
