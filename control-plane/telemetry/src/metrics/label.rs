//! Labels and the values that they may have.

use opentelemetry::KeyValue;

/// A label of a metric, as the table shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Label {
    /// Its name.
    pub name: &'static str,
    /// What it may say.
    pub values: Values,
}

/// What a label may say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Values {
    /// One of these.
    Closed(&'static [&'static str]),
    /// Whatever this describes; its number is bounded where it is set.
    Bounded(&'static str),
}

/// An enumeration whose values are those of a label.
pub trait Closed: Copy + Send + Sync + 'static {
    /// The label's name.
    const NAME: &'static str;
    /// The values in the order of [`Self::index`].
    const VALUES: &'static [&'static str];

    /// Which of the values it is.
    fn index(self) -> usize;
}

/// The labels of a counter or histogram whose every combination is known beforehand: none, one, or a
/// pair.
pub trait Labels: Copy + Send + Sync + 'static {
    /// How many combinations there are.
    const COUNT: usize;

    /// Which of them it is, below [`Self::COUNT`].
    fn index(self) -> usize;

    /// The labels' names.
    fn names() -> Vec<&'static str>;

    /// What a combination is called, by its index.
    fn attributes(index: usize) -> Vec<KeyValue>;
}

impl Label {
    /// The label of an enumeration.
    #[must_use]
    pub const fn of<L: Closed>() -> Self {
        Self {
            name: L::NAME,
            values: Values::Closed(L::VALUES),
        }
    }

    /// A label with other values, as described.
    #[must_use]
    pub const fn bounded(name: &'static str, values: &'static str) -> Self {
        Self {
            name,
            values: Values::Bounded(values),
        }
    }
}

impl Labels for () {
    const COUNT: usize = 1;

    fn index(self) -> usize {
        0
    }

    fn names() -> Vec<&'static str> {
        Vec::new()
    }

    fn attributes(_: usize) -> Vec<KeyValue> {
        Vec::new()
    }
}

impl<L: Closed> Labels for L {
    const COUNT: usize = L::VALUES.len();

    fn index(self) -> usize {
        Closed::index(self)
    }

    fn names() -> Vec<&'static str> {
        vec![L::NAME]
    }

    fn attributes(index: usize) -> Vec<KeyValue> {
        vec![KeyValue::new(L::NAME, L::VALUES[index])]
    }
}

impl<A: Closed, B: Closed> Labels for (A, B) {
    const COUNT: usize = A::VALUES.len() * B::VALUES.len();

    fn index(self) -> usize {
        Closed::index(self.0) * B::VALUES.len() + Closed::index(self.1)
    }

    fn names() -> Vec<&'static str> {
        vec![A::NAME, B::NAME]
    }

    fn attributes(index: usize) -> Vec<KeyValue> {
        let (first, second) = (index / B::VALUES.len(), index % B::VALUES.len());
        vec![
            KeyValue::new(A::NAME, A::VALUES[first]),
            KeyValue::new(B::NAME, B::VALUES[second]),
        ]
    }
}

/// An enumeration whose values are those of a label.
macro_rules! closed {
    (
        $(#[$doc:meta])* $name:ident is $label:literal {
            $( $(#[$vdoc:meta])* $variant:ident = $text:literal ),+ $(,)?
        }
    ) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name {
            $( $(#[$vdoc])* $variant ),+
        }

        impl $name {
            /// Every value.
            pub const ALL: &[Self] = &[$( Self::$variant ),+];
        }

        impl $crate::metrics::Closed for $name {
            const NAME: &'static str = $label;
            const VALUES: &'static [&'static str] = &[$( $text ),+];

            fn index(self) -> usize {
                self as usize
            }
        }
    };
}

pub(crate) use closed;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::labels::{Direction, LiveState};

    #[test]
    fn every_combination_has_an_index_of_its_own() {
        let mut seen = Vec::new();
        for direction in Direction::ALL {
            for state in LiveState::ALL {
                let index = Labels::index((*direction, *state));
                assert_eq!(index, seen.len());
                seen.push(<(Direction, LiveState)>::attributes(index));
            }
        }
        assert_eq!(seen.len(), <(Direction, LiveState) as Labels>::COUNT);
        let second = [
            KeyValue::new("direction", "sent"),
            KeyValue::new("state", "starting"),
        ];
        assert_eq!(seen[1], second);
    }
}
