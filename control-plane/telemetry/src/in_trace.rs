//! Log lines that belong to a trace.

use insula_types::TraceContext;
use tracing::Span;
use tracing::field::{Empty, display};

/// A scope for log lines, named `message.handle`, that carries the trace id of `context`, if there is
/// one.
///
/// `what` is the kind of message, from a closed set.
#[must_use]
pub fn in_trace(context: &TraceContext, what: &'static str) -> Span {
    let span = tracing::debug_span!(
        "message.handle",
        messaging.operation.name = what,
        trace_id = Empty
    );
    if !context.is_empty() {
        span.record("trace_id", display(context.trace_id_text()));
    }
    span
}
