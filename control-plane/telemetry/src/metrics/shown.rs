//! Gauges, and counters that are counted elsewhere: what was found when somebody looked last.

use std::collections::BTreeMap;
use std::marker::PhantomData;
use std::sync::{Arc, PoisonError, RwLock};

use opentelemetry::KeyValue;

use super::label::Labels;

/// Hears values with their labels.
pub(super) type Tell<'a, T> = dyn FnMut(T, &[KeyValue]) + 'a;

/// Values as of a moment, all replaced at once; cheap to clone. It holds nothing but numbers, so that
/// reading it never waits for whatever they are of.
#[derive(Debug, Clone, Default)]
pub struct Shown {
    points: Arc<RwLock<Vec<Point>>>,
}

/// One value and its labels.
#[derive(Debug, Clone)]
pub struct Point {
    labels: Vec<KeyValue>,
    value: f64,
}

impl Point {
    /// A value with a combination of closed labels.
    #[must_use]
    pub fn of<L: Labels>(labels: L, value: f64) -> Self {
        Self {
            labels: L::attributes(labels.index()),
            value,
        }
    }

    /// With one more label.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.labels.push(KeyValue::new(name, value.into()));
        self
    }
}

impl Shown {
    /// Replaces all values.
    pub fn replace(&self, points: impl IntoIterator<Item = Point>) {
        let points = points.into_iter().collect();
        *self.points.write().unwrap_or_else(PoisonError::into_inner) = points;
    }

    /// Replaces the value of one without labels.
    pub fn set(&self, value: f64) {
        self.replace([Point::of((), value)]);
    }

    pub(super) fn read(&self) -> impl Fn(&mut Tell<'_, f64>) + Send + Sync + use<> {
        let points = Arc::clone(&self.points);
        move |tell| {
            let points = points.read().unwrap_or_else(PoisonError::into_inner);
            for point in points.iter() {
                tell(point.value, &point.labels);
            }
        }
    }
}

/// Values of many, added up by a name whose number is bounded, and closed labels.
#[derive(Debug)]
pub struct Grouped<L> {
    label: &'static str,
    sums: BTreeMap<String, Vec<f64>>,
    labels: PhantomData<fn(L)>,
}

impl<L: Labels> Grouped<L> {
    /// Nothing yet; names are values of that label.
    #[must_use]
    pub fn by(label: &'static str) -> Self {
        Self {
            label,
            sums: BTreeMap::new(),
            labels: PhantomData,
        }
    }

    /// Adds to the value of a name; the other combinations of labels are there then as well, with 0.
    pub fn add(&mut self, name: &str, labels: L, value: f64) {
        let sums = self.sums.entry(name.to_owned());
        let sums = sums.or_insert_with(|| vec![0.0; L::COUNT]);
        sums[labels.index()] += value;
    }

    /// All of them.
    #[must_use]
    pub fn points(self) -> Vec<Point> {
        let mut points = Vec::new();
        for (name, sums) in self.sums {
            for (index, value) in sums.into_iter().enumerate() {
                let mut labels = L::attributes(index);
                labels.push(KeyValue::new(self.label, name.clone()));
                points.push(Point { labels, value });
            }
        }
        points
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::labels::Direction;

    #[test]
    fn what_has_the_same_name_is_added_up() {
        let mut grouped = Grouped::by("cell");
        grouped.add("other", Direction::Sent, 1.0);
        grouped.add("other", Direction::Sent, 2.0);
        grouped.add("a", Direction::Received, 4.0);
        let found: Vec<f64> = grouped.points().iter().map(|point| point.value).collect();
        assert_eq!(found, [0.0, 4.0, 3.0, 0.0]);
    }
}
