//! What is noted on a span that is recorded.

use std::borrow::Cow;
use std::str::FromStr;
use std::time::SystemTime;

use insula_types::{TenantId, TraceContext};
use opentelemetry::trace::{
    Event, Link, SpanContext, SpanId, SpanKind, Status, TraceFlags, TraceId, TraceState,
};
use opentelemetry::{InstrumentationScope, KeyValue, Value};
use opentelemetry_sdk::trace::{SpanData, SpanEvents, SpanLinks};

use crate::names::{SCHEMA_URL, key};

/// Bounds of one span, those of the OpenTelemetry specification; attributes are from a closed set.
const LINKS_MAX: usize = 128;
const EVENTS_MAX: usize = 128;

/// Attributes that most spans have at most.
const ATTRIBUTES_USUAL: usize = 6;

/// Longest text of an attribute, in bytes.
const TEXT_BYTES_MAX: usize = 1_024;

#[derive(Debug, Default)]
pub(super) struct Details {
    pub(super) tenant: Option<TenantId>,
    attributes: Vec<KeyValue>,
    links: Vec<Link>,
    links_dropped: u32,
    events: Vec<Event>,
    events_dropped: u32,
    status: Status,
}

impl Details {
    pub(super) fn set(&mut self, key: &'static str, value: Value) {
        let value = match value {
            Value::String(text) if text.as_str().len() > TEXT_BYTES_MAX => {
                cut(text.as_str()).to_owned().into()
            }
            other => other,
        };
        if self.attributes.capacity() == 0 {
            self.attributes.reserve_exact(ATTRIBUTES_USUAL);
        }
        self.attributes.push(KeyValue::new(key, value));
    }

    pub(super) fn link(&mut self, to: &TraceContext) {
        if to.is_empty() {
            return;
        }
        if self.links.len() == LINKS_MAX {
            self.links_dropped += 1;
        } else {
            self.links.push(Link::with_context(span_context(to, true)));
        }
    }

    pub(super) fn event(&mut self, name: &'static str, sentence: &str, at: SystemTime) {
        if self.events.len() == EVENTS_MAX {
            self.events_dropped += 1;
            return;
        }
        let attributes = vec![KeyValue::new("message", cut(sentence).to_owned())];
        self.events.push(Event::new(name, at, attributes, 0));
    }

    pub(super) fn fail(&mut self, kind: &'static str, sentence: &str) {
        self.set(key::ERROR_TYPE, kind.into());
        self.status = Status::error(cut(sentence).to_owned());
    }

    pub(super) fn finish(
        self,
        name: Cow<'static, str>,
        span_kind: SpanKind,
        context: &TraceContext,
        parent: u64,
    ) -> impl FnOnce(SystemTime, SystemTime) -> SpanData {
        let mut links = SpanLinks::default();
        links.links = self.links;
        links.dropped_count = self.links_dropped;
        let mut events = SpanEvents::default();
        events.events = self.events;
        events.dropped_count = self.events_dropped;
        let (attributes, status) = (self.attributes, self.status);
        let span_context = span_context(context, false);
        move |start_time, end_time| SpanData {
            span_context,
            parent_span_id: SpanId::from(parent),
            // The parent may be anywhere: it is named by rows and messages.
            parent_span_is_remote: parent != 0,
            span_kind,
            name,
            start_time,
            end_time,
            attributes,
            dropped_attributes_count: 0,
            events,
            links,
            status,
            instrumentation_scope: scope(),
        }
    }
}

/// Who made the span, in OpenTelemetry's words.
fn scope() -> InstrumentationScope {
    InstrumentationScope::builder("insula")
        .with_version(env!("CARGO_PKG_VERSION"))
        .with_schema_url(SCHEMA_URL)
        .build()
}

fn span_context(context: &TraceContext, is_remote: bool) -> SpanContext {
    let flags = if context.is_sampled() {
        TraceFlags::SAMPLED
    } else {
        TraceFlags::default()
    };
    SpanContext::new(
        TraceId::from(context.trace_id()),
        SpanId::from(context.span_id()),
        flags,
        is_remote,
        TraceState::from_str(context.tracestate()).unwrap_or_default(),
    )
}

/// The beginning of a text that is too long.
fn cut(text: &str) -> &str {
    let end = text.floor_char_boundary(TEXT_BYTES_MAX);
    text.get(..end).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_is_bounded_whatever_is_noted_on_it() {
        let mut details = Details::default();
        let other = TraceContext::start(1, 2, true);
        for _ in 0..200 {
            details.link(&other);
            details.event("note", &"ü".repeat(2_000), SystemTime::UNIX_EPOCH);
        }
        details.link(&TraceContext::default());
        details.fail("broken", &"ü".repeat(2_000));
        let data = details.finish("test".into(), SpanKind::Internal, &other, 0);
        let data = data(SystemTime::UNIX_EPOCH, SystemTime::UNIX_EPOCH);
        assert_eq!(
            (data.links.len(), data.links.dropped_count),
            (LINKS_MAX, 72)
        );
        assert_eq!(
            (data.events.len(), data.events.dropped_count),
            (EVENTS_MAX, 72)
        );
        assert_eq!(data.status, Status::error("ü".repeat(512)));
    }
}
