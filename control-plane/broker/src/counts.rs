//! What has gone through a broker, for metrics.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// What has gone through one broker since it was made.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Batches that were written and confirmed.
    pub round_trips: u64,
    /// How long these took together.
    pub round_trip_time: Duration,
    /// Bytes that were written.
    pub bytes_sent: u64,
    /// Bytes that were read.
    pub bytes_received: u64,
    /// Times that it was away and came back.
    pub reconnects: u64,
}

/// Counts as it happens.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    round_trips: AtomicU64,
    round_trip_micros: AtomicU64,
    bytes_sent: AtomicU64,
    bytes_received: AtomicU64,
    reconnects: AtomicU64,
}

impl Counters {
    pub(crate) fn written(&self, bytes: usize, took: Duration) {
        self.round_trips.fetch_add(1, Ordering::Relaxed);
        add(&self.round_trip_micros, took.as_micros());
        add(&self.bytes_sent, bytes);
    }

    pub(crate) fn read(&self, bytes: usize) {
        add(&self.bytes_received, bytes);
    }

    pub(crate) fn came_back(&self) {
        self.reconnects.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn counts(&self) -> Counts {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Counts {
            round_trips: read(&self.round_trips),
            round_trip_time: Duration::from_micros(read(&self.round_trip_micros)),
            bytes_sent: read(&self.bytes_sent),
            bytes_received: read(&self.bytes_received),
            reconnects: read(&self.reconnects),
        }
    }
}

fn add(counter: &AtomicU64, more: impl TryInto<u64>) {
    counter.fetch_add(more.try_into().unwrap_or_default(), Ordering::Relaxed);
}
