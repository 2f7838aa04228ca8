//! Where spans go when they end; one for the whole process.

use std::collections::HashMap;
use std::sync::OnceLock;
use std::time::Duration;

use insula_types::TenantId;
use opentelemetry_sdk::trace::SpanData;

use crate::export::Queue;
use crate::recent::Recent;
use crate::sampling::{Advice, Sampler};

static RECORDER: OnceLock<Recorder> = OnceLock::new();

/// See the module.
#[derive(Debug)]
pub(crate) struct Recorder {
    pub(crate) sampler: Sampler,
    pub(crate) advice: Advice,
    pub(crate) recent: Recent,
    /// To the operator.
    pub(crate) queue: Option<Queue>,
    /// To tenants that want their own spans.
    pub(crate) tenants: HashMap<TenantId, Queue>,
}

/// The recorder; nothing if this process records nothing.
pub(crate) fn recorder() -> Option<&'static Recorder> {
    RECORDER.get()
}

/// Whether this process records any spans; what is gathered for them need not be otherwise.
#[must_use]
pub fn is_recording() -> bool {
    recorder().is_some()
}

/// Makes a recorder that of the process; whether it is, since the first one stays.
pub(crate) fn install(recorder: Recorder) -> bool {
    RECORDER.set(recorder).is_ok()
}

impl Recorder {
    /// Takes a span that has ended. Never waits: what finds a queue full is dropped and counted.
    pub(crate) fn record(&self, span: SpanData, tenant: Option<&TenantId>) {
        self.recent.note(&span, tenant);
        if let Some(queue) = tenant.and_then(|tenant| self.tenants.get(tenant)) {
            queue.push(span.clone());
        }
        if let Some(queue) = &self.queue {
            queue.push(span);
        }
    }

    /// Sends what waits, for at most so long each.
    pub(crate) fn flush(&self, within: Duration) {
        let queues = self.queue.iter().chain(self.tenants.values());
        std::thread::scope(|scope| {
            for queue in queues {
                scope.spawn(move || queue.shut(within));
            }
        });
    }
}

/// How full the buffers of spans are, and what became of the spans.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SpanFigures {
    /// Waiting to be exported, all queues together.
    pub queued: usize,
    /// As many fit in the queues.
    pub queued_max: usize,
    /// Kept to be looked at in this process.
    pub recent: usize,
    /// As many are kept.
    pub recent_max: usize,
    /// Taken by a receiver, since the start.
    pub exported: u64,
    /// Dropped because a queue was full, since the start.
    pub dropped: u64,
    /// Refused by a receiver, or lost because it was away, since the start.
    pub failed: u64,
}

/// The figures of now; all zero if this process records nothing.
#[must_use]
pub fn span_figures() -> SpanFigures {
    let Some(recorder) = recorder() else {
        return SpanFigures::default();
    };
    let mut figures = SpanFigures {
        recent: recorder.recent.len(),
        recent_max: recorder.recent.max(),
        ..SpanFigures::default()
    };
    for queue in recorder.queue.iter().chain(recorder.tenants.values()) {
        queue.add_to(&mut figures);
    }
    figures
}
