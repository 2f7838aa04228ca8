//! The executor protocol, as far as it has words of [`insula_types`]: trace contexts.

use insula_types::TraceContext;

use crate::insula::wasm::v1;

/// Absent where nothing is traced.
#[must_use]
pub fn trace_to_wire(trace: &TraceContext) -> Option<v1::Trace> {
    let wire = v1::Trace {
        traceparent: trace.traceparent(),
        tracestate: trace.tracestate().to_owned(),
    };
    (!trace.is_empty()).then_some(wire)
}

/// Empty if there is none, or a malformed one.
#[must_use]
pub fn trace_from_wire(trace: Option<v1::Trace>) -> TraceContext {
    let trace = trace.unwrap_or_default();
    TraceContext::parse(&trace.traceparent, &trace.tracestate)
}
