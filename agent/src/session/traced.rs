//! The trace context of a call, in its metadata.

use http::HeaderMap;
use insula_telemetry::inject;
use insula_types::TraceContext;
use tonic::Request;
use tonic::metadata::MetadataMap;

/// A call of the control plane that belongs to a trace.
pub(crate) fn traced<T>(message: T, trace: &TraceContext) -> Request<T> {
    let mut headers = HeaderMap::new();
    inject(trace, &mut headers);
    let mut request = Request::new(message);
    *request.metadata_mut() = MetadataMap::from_headers(headers);
    request
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_metadata_has_the_names_of_the_standard() {
        let trace = TraceContext::start(1, 2, true);
        let request = traced((), &trace);
        let traceparent = request.metadata().get("traceparent").unwrap();
        assert_eq!(traceparent.to_str().unwrap(), trace.traceparent());
        assert!(traced((), &TraceContext::default()).metadata().is_empty());
    }
}
