//! Counters that are counted up where something happens.

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use opentelemetry::KeyValue;

use super::label::Labels;
use super::shown::Tell;

/// A counter for each combination of its labels. Counting is one addition, without a lock or a
/// search; cheap to clone.
pub struct Counter<L> {
    counts: Arc<[AtomicU64]>,
    labels: PhantomData<fn(L)>,
}

impl<L: Labels> Counter<L> {
    /// A counter that nobody reads, for whoever is not measured.
    #[must_use]
    pub fn detached() -> Self {
        Self {
            counts: (0..L::COUNT).map(|_| AtomicU64::new(0)).collect(),
            labels: PhantomData,
        }
    }

    /// One more.
    pub fn one(&self, labels: L) {
        self.add(labels, 1);
    }

    /// So many more; microseconds, if it is a counter of seconds.
    pub fn add(&self, labels: L, count: u64) {
        self.counts[labels.index()].fetch_add(count, Ordering::Relaxed);
    }

    /// How many there were.
    #[must_use]
    pub fn count(&self, labels: L) -> u64 {
        self.counts[labels.index()].load(Ordering::Relaxed)
    }

    /// All combinations, with how many there were of each.
    pub(super) fn read(&self) -> impl Fn(&mut Tell<'_, u64>) + Send + Sync + use<L> {
        let counts = Arc::clone(&self.counts);
        let named: Vec<Vec<KeyValue>> = (0..L::COUNT).map(L::attributes).collect();
        move |tell| {
            for (count, attributes) in counts.iter().zip(&named) {
                tell(count.load(Ordering::Relaxed), attributes);
            }
        }
    }
}

impl<L> Clone for Counter<L> {
    fn clone(&self) -> Self {
        Self {
            counts: Arc::clone(&self.counts),
            labels: PhantomData,
        }
    }
}

impl<L> fmt::Debug for Counter<L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Counter").field(&self.counts).finish()
    }
}
