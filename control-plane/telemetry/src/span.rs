//! Spans that belong to a trace begun elsewhere.

use insula_types::TraceContext;
use tracing::Span;
use tracing::field::Empty;

/// A span named `message.handle` that carries the trace id of `context`, if there is one.
///
/// `what` is the kind of message, from a closed set.
#[must_use]
pub fn in_trace(context: &TraceContext, what: &'static str) -> Span {
    let span = tracing::debug_span!(
        "message.handle",
        messaging.operation.name = what,
        trace_id = Empty
    );
    if let Some(trace_id) = context.trace_id() {
        span.record("trace_id", trace_id);
    }
    span
}
