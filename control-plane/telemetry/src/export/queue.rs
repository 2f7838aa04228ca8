//! A bounded queue of spans before one receiver.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{
    BatchConfigBuilder, BatchSpanProcessor, SpanData, SpanExporter, SpanProcessor,
};

use crate::recorder::SpanFigures;

/// Spans that may wait, unless `OTEL_BSP_MAX_QUEUE_SIZE` says otherwise: half a second of a replica
/// that records everything, at most some 16 MiB.
const QUEUED_MAX: usize = 16_384;

/// Spans in one export, unless `OTEL_BSP_MAX_EXPORT_BATCH_SIZE` says otherwise.
const BATCH_MAX: usize = 1_024;

/// How long a span waits for a batch to fill, unless `OTEL_BSP_SCHEDULE_DELAY` says otherwise.
const DELAY: Duration = Duration::from_secs(1);

/// The processor of the SDK, with a thread of its own, behind a count: the SDK drops without telling.
#[derive(Debug)]
pub(crate) struct Queue {
    processor: BatchSpanProcessor,
    counts: Arc<Counts>,
    max: usize,
}

#[derive(Debug, Default)]
struct Counts {
    queued: AtomicUsize,
    exported: AtomicU64,
    dropped: AtomicU64,
    failed: AtomicU64,
}

impl Queue {
    /// A queue before an exporter. Variables that are no numbers count as not set.
    pub(crate) fn new<E: SpanExporter + 'static>(
        exporter: E,
        resource: &Resource,
        variable: impl Fn(&str) -> Option<String>,
    ) -> Self {
        let number = |name: &str, default: usize| {
            let said = variable(name).and_then(|text| text.parse().ok());
            said.filter(|number| *number > 0).unwrap_or(default)
        };
        let max = number("OTEL_BSP_MAX_QUEUE_SIZE", QUEUED_MAX);
        let batch = number("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", BATCH_MAX).min(max);
        let delay = variable("OTEL_BSP_SCHEDULE_DELAY").and_then(|text| text.parse().ok());
        let counts = Arc::<Counts>::default();
        let config = BatchConfigBuilder::default()
            .with_max_queue_size(max)
            .with_max_export_batch_size(batch)
            .with_scheduled_delay(delay.map_or(DELAY, Duration::from_millis))
            .build();
        let counting = Counting {
            exporter,
            counts: counts.clone(),
        };
        let mut processor = BatchSpanProcessor::new(counting, config);
        processor.set_resource(resource);
        Self {
            processor,
            counts,
            max,
        }
    }

    /// Puts a span in, or drops and counts it. Never waits.
    pub(crate) fn push(&self, span: SpanData) {
        if self.counts.queued.fetch_add(1, Ordering::Relaxed) < self.max {
            self.processor.on_end(span);
        } else {
            self.counts.queued.fetch_sub(1, Ordering::Relaxed);
            self.counts.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Sends what waits and takes no more.
    pub(crate) fn shut(&self, within: Duration) {
        // Whoever shuts down has nobody left to tell that the last spans did not arrive; they were
        // counted as failed.
        let _ = self.processor.shutdown_with_timeout(within);
    }

    pub(crate) fn add_to(&self, figures: &mut SpanFigures) {
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        figures.queued += self.counts.queued.load(Ordering::Relaxed);
        figures.queued_max += self.max;
        figures.exported += read(&self.counts.exported);
        figures.dropped += read(&self.counts.dropped);
        figures.failed += read(&self.counts.failed);
    }
}

/// Counts what an exporter gets.
#[derive(Debug)]
struct Counting<E> {
    exporter: E,
    counts: Arc<Counts>,
}

impl<E: SpanExporter> SpanExporter for Counting<E> {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let spans = batch.len();
        let result = self.exporter.export(batch).await;
        self.counts.queued.fetch_sub(spans, Ordering::Relaxed);
        let count = match &result {
            Ok(()) => &self.counts.exported,
            Err(error) => {
                tracing::debug!(%error, spans, "spans could not be exported");
                &self.counts.failed
            }
        };
        count.fetch_add(spans.try_into().unwrap_or(u64::MAX), Ordering::Relaxed);
        result
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.exporter.shutdown_with_timeout(timeout)
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.exporter.force_flush()
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.exporter.set_resource(resource);
    }
}
