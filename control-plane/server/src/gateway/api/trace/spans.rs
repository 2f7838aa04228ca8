//! The spans of a task that this process still remembers.

use std::time::{SystemTime, UNIX_EPOCH};

use insula_proto::rest::{TraceSpan, TraceStart};
use insula_telemetry::{Kind, RecentSpan, recent_spans};
use insula_types::TenantId;

use super::show::hex;

/// Adds to each start its own span and those that have it as their parent, which are all of the start
/// (ADR 11). A caller's trace can have those of other tasks besides, and of other tenants, which are
/// not for this one to see.
pub(super) fn add(tenant: &TenantId, starts: &mut [TraceStart]) {
    for start in starts {
        let ids = (
            u128::from_str_radix(&start.trace_id, 16),
            u64::from_str_radix(&start.span_id, 16),
        );
        let (Ok(trace_id), Ok(own)) = ids else {
            continue;
        };
        let mut spans: Vec<TraceSpan> = recent_spans(trace_id)
            .into_iter()
            .filter(|span| span.tenant.as_ref() == Some(tenant))
            .filter(|span| span.span_id == own || span.parent == own)
            .map(shown)
            .collect();
        spans.sort_by_key(|span| (span.from, span.until));
        start.spans = spans;
    }
}

fn shown(span: RecentSpan) -> TraceSpan {
    TraceSpan {
        name: span.name,
        kind: match span.kind {
            Kind::Internal => "internal",
            Kind::Server => "server",
            Kind::Client => "client",
            Kind::Producer => "producer",
            Kind::Consumer => "consumer",
        }
        .to_owned(),
        span_id: hex(span.span_id),
        parent: (span.parent != 0).then(|| hex(span.parent)),
        from: micros(span.from),
        until: micros(span.until),
        attributes: span.attributes,
        error: span.error,
    }
}

fn micros(at: SystemTime) -> u64 {
    let since = at.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_micros()).unwrap_or(u64::MAX)
}
