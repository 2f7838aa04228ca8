//! The spans of this process that ended last, to be looked at where no collector is at hand.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

use insula_types::TenantId;
use opentelemetry::trace::{SpanKind, Status};
use opentelemetry_sdk::trace::SpanData;

use crate::Kind;
use crate::recorder::recorder;

/// A span that has ended.
#[derive(Debug, Clone, PartialEq)]
pub struct RecentSpan {
    /// What it stands for.
    pub name: String,
    /// What part the process played.
    pub kind: Kind,
    /// Its id.
    pub span_id: u64,
    /// The id of the span that it is part of; 0 if there is none.
    pub parent: u64,
    /// When it began.
    pub from: SystemTime,
    /// When it ended.
    pub until: SystemTime,
    /// Whose it is, if it is a tenant's.
    pub tenant: Option<TenantId>,
    /// Its attributes, as text.
    pub attributes: Vec<(String, String)>,
    /// What happened meanwhile: when, what, and a sentence.
    pub events: Vec<(SystemTime, String, String)>,
    /// What went wrong, if something did.
    pub error: Option<String>,
}

/// The spans of a trace that this process still remembers, in the order in which they ended.
#[must_use]
pub fn recent_spans(trace_id: u128) -> Vec<RecentSpan> {
    recorder().map_or_else(Vec::new, |recorder| recorder.recent.of(trace_id))
}

/// The last so many, of all traces.
#[derive(Debug)]
pub(crate) struct Recent {
    spans: Mutex<VecDeque<(SpanData, Option<TenantId>)>>,
    max: usize,
}

impl Recent {
    pub(crate) fn new(max: usize) -> Self {
        Self {
            spans: Mutex::default(),
            max,
        }
    }

    pub(crate) fn max(&self) -> usize {
        self.max
    }

    pub(crate) fn len(&self) -> usize {
        self.spans
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .len()
    }

    pub(crate) fn note(&self, span: &SpanData, tenant: Option<&TenantId>) {
        if self.max == 0 {
            return;
        }
        let noted = (span.clone(), tenant.cloned());
        let mut spans = self.spans.lock().unwrap_or_else(PoisonError::into_inner);
        if spans.len() == self.max {
            spans.pop_front();
        }
        spans.push_back(noted);
    }

    fn of(&self, trace_id: u128) -> Vec<RecentSpan> {
        let wanted = trace_id.to_be_bytes();
        let spans = self.spans.lock().unwrap_or_else(PoisonError::into_inner);
        let of_trace = |span: &SpanData| span.span_context.trace_id().to_bytes() == wanted;
        let found = spans.iter().filter(|(span, _)| of_trace(span));
        found
            .map(|(span, tenant)| shown(span, tenant.clone()))
            .collect()
    }
}

fn shown(span: &SpanData, tenant: Option<TenantId>) -> RecentSpan {
    let attributes = span.attributes.iter();
    let attributes = attributes.map(|pair| (pair.key.to_string(), pair.value.to_string()));
    let events = span.events.iter().map(|event| {
        let sentence = event.attributes.first().map(|pair| pair.value.to_string());
        (
            event.timestamp,
            event.name.to_string(),
            sentence.unwrap_or_default(),
        )
    });
    RecentSpan {
        name: span.name.to_string(),
        kind: match span.span_kind {
            SpanKind::Internal => Kind::Internal,
            SpanKind::Server => Kind::Server,
            SpanKind::Client => Kind::Client,
            SpanKind::Producer => Kind::Producer,
            SpanKind::Consumer => Kind::Consumer,
        },
        span_id: u64::from_be_bytes(span.span_context.span_id().to_bytes()),
        parent: u64::from_be_bytes(span.parent_span_id.to_bytes()),
        from: span.start_time,
        until: span.end_time,
        tenant,
        attributes: attributes.collect(),
        events: events.collect(),
        error: match &span.status {
            Status::Error { description } => Some(description.to_string()),
            Status::Ok | Status::Unset => None,
        },
    }
}
