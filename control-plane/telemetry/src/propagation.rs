//! Trace context in HTTP headers and gRPC metadata.

use http::{HeaderMap, HeaderValue};
use insula_types::TraceContext;

const TRACEPARENT: &str = "traceparent";
const TRACESTATE: &str = "tracestate";

/// The context that headers carry; empty if they carry none, or one that is malformed.
#[must_use]
pub fn extract(headers: &HeaderMap) -> TraceContext {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let Some(traceparent) = text(TRACEPARENT) else {
        return TraceContext::default();
    };
    // A list header may come in several lines; the specification asks to join them.
    let states = headers.get_all(TRACESTATE).iter();
    let states: Vec<&str> = states.filter_map(|value| value.to_str().ok()).collect();
    TraceContext::parse(traceparent, &states.join(","))
}

/// Puts a context in headers, in place of what they carried.
pub fn inject(context: &TraceContext, headers: &mut HeaderMap) {
    headers.remove(TRACEPARENT);
    headers.remove(TRACESTATE);
    let value = |text: &str| HeaderValue::from_str(text).ok();
    if let Some(traceparent) = value(&context.traceparent()).filter(|text| !text.is_empty()) {
        headers.insert(TRACEPARENT, traceparent);
    }
    if let Some(tracestate) = value(context.tracestate()).filter(|text| !text.is_empty()) {
        headers.insert(TRACESTATE, tracestate);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_put_in_is_found_again_and_replaces_what_was_there() {
        let mut headers = HeaderMap::new();
        let first = TraceContext::parse(
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "a=1",
        );
        inject(&first, &mut headers);
        assert_eq!(extract(&headers), first);
        let second = TraceContext::start(7, 8, false);
        inject(&second, &mut headers);
        assert_eq!(extract(&headers), second);
        inject(&TraceContext::default(), &mut headers);
        assert!(headers.is_empty() && extract(&headers).is_empty());
    }

    #[test]
    fn a_state_in_several_lines_is_joined() {
        let mut headers = HeaderMap::new();
        inject(&TraceContext::start(7, 8, true), &mut headers);
        headers.append(TRACESTATE, HeaderValue::from_static("a=1"));
        headers.append(TRACESTATE, HeaderValue::from_static("b=2"));
        assert_eq!(extract(&headers).tracestate(), "a=1,b=2");
    }
}
