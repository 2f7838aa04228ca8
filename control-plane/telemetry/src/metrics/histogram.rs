//! Histograms.

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

use opentelemetry::KeyValue;
use opentelemetry::metrics::Histogram as Instrument;

use super::definition::Unit;
use super::label::Labels;

/// Bounds of durations: from what a step takes to what a person waits for.
const SECONDS: [f64; 17] = [
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0,
    60.0, 300.0,
];

/// Bounds of sizes of batches.
const COUNTS: [f64; 13] = [
    1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1_000.0, 2_000.0, 5_000.0, 10_000.0,
];

/// Bounds of sizes in bytes.
const BYTES: [f64; 9] = [
    256.0,
    1_024.0,
    4_096.0,
    16_384.0,
    65_536.0,
    262_144.0,
    1_048_576.0,
    4_194_304.0,
    16_777_216.0,
];

/// The bounds of a histogram's buckets.
pub(super) fn bounds(unit: Unit) -> Vec<f64> {
    match unit {
        Unit::Seconds => SECONDS.to_vec(),
        Unit::Bytes => BYTES.to_vec(),
        Unit::Of(_) => COUNTS.to_vec(),
    }
}

/// A histogram for each combination of its labels; cheap to clone.
pub struct Histogram<L> {
    instrument: Instrument<f64>,
    named: Arc<[Vec<KeyValue>]>,
    labels: PhantomData<fn(L)>,
}

impl<L: Labels> Histogram<L> {
    pub(super) fn new(instrument: Instrument<f64>) -> Self {
        Self {
            instrument,
            named: (0..L::COUNT).map(L::attributes).collect(),
            labels: PhantomData,
        }
    }

    /// Something took so long.
    pub fn took(&self, labels: L, time: Duration) {
        self.was(labels, time.as_secs_f64());
    }

    /// Something was so large.
    pub fn was(&self, labels: L, size: f64) {
        self.instrument.record(size, &self.named[labels.index()]);
    }
}

impl<L> Clone for Histogram<L> {
    fn clone(&self) -> Self {
        Self {
            instrument: self.instrument.clone(),
            named: Arc::clone(&self.named),
            labels: PhantomData,
        }
    }
}

impl<L> fmt::Debug for Histogram<L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Histogram").finish_non_exhaustive()
    }
}

/// A histogram with labels that are not known beforehand; whoever records bounds their number. Cheap to
/// clone.
#[derive(Clone)]
pub struct OpenHistogram(Instrument<f64>);

impl OpenHistogram {
    pub(super) fn new(instrument: Instrument<f64>) -> Self {
        Self(instrument)
    }

    /// Something with these labels took so long.
    pub fn took(&self, labels: &[(&'static str, &str)], time: Duration) {
        let labels: Vec<KeyValue> = labels
            .iter()
            .map(|(name, value)| KeyValue::new(*name, (*value).to_owned()))
            .collect();
        self.0.record(time.as_secs_f64(), &labels);
    }
}

impl fmt::Debug for OpenHistogram {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OpenHistogram").finish_non_exhaustive()
    }
}
