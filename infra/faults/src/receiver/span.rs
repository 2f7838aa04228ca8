//! Spans as plain data.

use std::collections::BTreeMap;

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue, any_value};
use opentelemetry_proto::tonic::trace::v1 as wire;

pub use wire::span::SpanKind;

/// A span that was received.
#[derive(Debug, Clone, PartialEq)]
pub struct Span {
    /// What its process says of itself: `service.name`, `service.instance.id`, ….
    pub resource: BTreeMap<String, String>,
    /// The schema that its names are from.
    pub schema: String,
    /// The trace.
    pub trace: u128,
    /// Its id.
    pub id: u64,
    /// The id of the span that it is part of; 0 if there is none.
    pub parent: u64,
    /// The header `tracestate`.
    pub state: String,
    /// What it stands for.
    pub name: String,
    /// What part its process played.
    pub kind: SpanKind,
    /// When it began, in nanoseconds since 1970.
    pub from: u64,
    /// When it ended, likewise.
    pub until: u64,
    /// Its attributes, as text.
    pub attributes: BTreeMap<String, String>,
    /// What happened meanwhile.
    pub events: Vec<Noted>,
    /// Which other spans it points to.
    pub links: Vec<Link>,
    /// What went wrong, if something did.
    pub error: Option<String>,
}

/// Something that happened during a span.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Noted {
    /// What.
    pub name: String,
    /// Attributes, as text.
    pub attributes: BTreeMap<String, String>,
}

/// A pointer to a span.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Link {
    /// Its trace.
    pub trace: u128,
    /// Its id.
    pub span: u64,
}

impl Span {
    /// `service.name` of its process.
    #[must_use]
    pub fn service(&self) -> &str {
        self.resource.get("service.name").map_or("", String::as_str)
    }

    /// `service.instance.id` of its process.
    #[must_use]
    pub fn instance(&self) -> &str {
        let instance = self.resource.get("service.instance.id");
        instance.map_or("", String::as_str)
    }

    /// The pointer to it.
    #[must_use]
    pub fn link(&self) -> Link {
        Link {
            trace: self.trace,
            span: self.id,
        }
    }

    /// An attribute; empty if it has none of this name.
    #[must_use]
    pub fn attribute(&self, key: &str) -> &str {
        self.attributes.get(key).map_or("", String::as_str)
    }

    /// Every text that whoever gets the span can read, beside names, which are from closed sets.
    pub fn texts(&self) -> impl Iterator<Item = &str> {
        let events = self.events.iter();
        let events = events.flat_map(|event| event.attributes.values());
        let texts = self.attributes.values().chain(events);
        let texts = texts.chain(self.resource.values()).chain(&self.error);
        texts.chain([&self.state, &self.name]).map(String::as_str)
    }
}

/// The spans of a request.
pub(super) fn decode(request: ExportTraceServiceRequest) -> Vec<Span> {
    let mut spans = Vec::new();
    for of_resource in request.resource_spans {
        let resource = attributes(of_resource.resource.unwrap_or_default().attributes);
        for of_scope in of_resource.scope_spans {
            let decoded = of_scope.spans.into_iter();
            spans.extend(decoded.map(|span| one(&resource, &of_scope.schema_url, span)));
        }
    }
    spans
}

fn one(resource: &BTreeMap<String, String>, schema: &str, span: wire::Span) -> Span {
    let kind = span.kind();
    let status = span.status.unwrap_or_default();
    let is_error = status.code() == wire::status::StatusCode::Error;
    let events = span.events.into_iter().map(|event| Noted {
        name: event.name,
        attributes: attributes(event.attributes),
    });
    let links = span.links.iter().map(|link| Link {
        trace: wide(&link.trace_id),
        span: narrow(&link.span_id),
    });
    Span {
        resource: resource.clone(),
        schema: schema.to_owned(),
        trace: wide(&span.trace_id),
        id: narrow(&span.span_id),
        parent: narrow(&span.parent_span_id),
        state: span.trace_state,
        name: span.name,
        kind,
        from: span.start_time_unix_nano,
        until: span.end_time_unix_nano,
        attributes: attributes(span.attributes),
        events: events.collect(),
        links: links.collect(),
        error: is_error.then_some(status.message),
    }
}

/// Attributes as text.
pub(super) fn attributes(pairs: Vec<KeyValue>) -> BTreeMap<String, String> {
    let pairs = pairs.into_iter();
    pairs
        .map(|pair| (pair.key, text(pair.value.unwrap_or_default())))
        .collect()
}

fn text(value: AnyValue) -> String {
    use any_value::Value;
    match value.value {
        Some(Value::StringValue(text)) => text,
        Some(Value::BoolValue(value)) => value.to_string(),
        Some(Value::IntValue(value)) => value.to_string(),
        Some(Value::DoubleValue(value)) => value.to_string(),
        Some(other) => format!("{other:?}"),
        None => String::new(),
    }
}

/// A trace's id; 0 if there is none, or it is malformed.
fn wide(bytes: &[u8]) -> u128 {
    bytes.try_into().map_or(0, u128::from_be_bytes)
}

/// A span's id; 0 if there is none, or it is malformed.
fn narrow(bytes: &[u8]) -> u64 {
    bytes.try_into().map_or(0, u64::from_be_bytes)
}
