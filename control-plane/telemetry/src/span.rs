//! Spans.

mod details;

use std::borrow::Cow;
use std::sync::Arc;
use std::time::SystemTime;

use insula_types::trace::Origin;
use insula_types::{TenantId, TraceContext};
use opentelemetry::Value;
use opentelemetry::trace::SpanKind;

use crate::names::{self, key};
use crate::recorder::recorder;
use crate::sampling;
use details::Details;

/// What part a process plays in a span, as OpenTelemetry tells them apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Work within the process.
    Internal,
    /// Answers a request.
    Server,
    /// Asks and waits for the answer.
    Client,
    /// Sends a message and does not wait for what becomes of it.
    Producer,
    /// Does what a message asks for.
    Consumer,
}

/// A span under way. It ends when it is dropped.
///
/// One that is not recorded is a few words on the stack, and what is set on it goes nowhere, unless it
/// [fails](Self::fail): then it is recorded from there on, in its trace but without its parent, which
/// was not.
#[derive(Debug)]
pub struct Span {
    name: Cow<'static, str>,
    kind: Kind,
    context: TraceContext,
    parent: u64,
    from: SystemTime,
    until: Option<SystemTime>,
    details: Option<Box<Details>>,
}

impl Span {
    /// A child of whatever span `parent` names, which begins now. If the parent is not recorded,
    /// neither is this, and its context is the parent's.
    #[must_use]
    pub fn begin(name: &'static str, kind: Kind, parent: &TraceContext) -> Self {
        if parent.is_sampled() && recorder().is_some() {
            let context = parent.with_span(sampling::span_id());
            return Self::made(name, kind, &context, parent.span_id());
        }
        Self::new(name, kind, parent.clone(), 0)
    }

    /// The first span of a trace, which begins now; recorded if the sampler takes it.
    #[must_use]
    pub fn root(name: &'static str, kind: Kind) -> Self {
        Self::made(name, kind, &sampling::fresh(), 0)
    }

    /// A request's span, which begins now: in the caller's trace if it has one. The caller's flag is
    /// advice.
    #[must_use]
    pub fn answering(name: &'static str, caller: &TraceContext, tenant: Option<&TenantId>) -> Self {
        if caller.is_empty() {
            return Self::root(name, Kind::Server);
        }
        let advised = sampling::advised(caller, tenant);
        if caller.is_sampled() || !advised.is_sampled() {
            return Self::begin(name, Kind::Server, &advised);
        }
        // Nobody will ever see the caller's span: whoever does not record would be a parent in vain.
        Self::made(name, Kind::Server, &sampling::started_in(&advised), 0)
    }

    /// A span whose id was given before, by `context`; `parent` is 0 if it has none.
    #[must_use]
    pub fn made(name: &'static str, kind: Kind, context: &TraceContext, parent: u64) -> Self {
        let mut span = Self::new(name, kind, context.clone(), parent);
        if context.is_sampled() && recorder().is_some() {
            span.details = Some(Box::default());
        }
        span
    }

    /// The first span of a task, whose id and origin are stored in `context`: a child of its caller's
    /// span, or linked to the first span of an earlier start.
    #[must_use]
    pub fn of_task(context: &TraceContext) -> Self {
        let made = |parent| Self::made(names::span::TASK, Kind::Internal, context, parent);
        match context.origin() {
            None => made(0),
            Some(Origin::Caller { span_id }) => made(span_id),
            Some(Origin::Earlier { trace_id, span_id }) => {
                let mut first = made(0);
                first.link(&TraceContext::start(
                    trace_id,
                    span_id,
                    context.is_sampled(),
                ));
                first
            }
        }
    }

    fn new(name: &'static str, kind: Kind, context: TraceContext, parent: u64) -> Self {
        Self {
            name: name.into(),
            kind,
            context,
            parent,
            from: SystemTime::now(),
            until: None,
            details: None,
        }
    }

    /// What messages that follow from it carry.
    #[must_use]
    pub fn context(&self) -> &TraceContext {
        &self.context
    }

    /// Gives it another name, one of a closed set: what a request is about shows when it is served.
    pub fn rename(&mut self, name: impl Into<Cow<'static, str>>) {
        self.name = name.into();
    }

    /// Whether it is recorded; what is costly to find out need not be set otherwise.
    #[must_use]
    pub fn is_recorded(&self) -> bool {
        self.details.is_some()
    }

    /// It began at another time than its making.
    #[must_use]
    pub fn from(mut self, at: SystemTime) -> Self {
        self.from = at;
        self
    }

    /// It ends at another time than its dropping; not before its beginning.
    #[must_use]
    pub fn until(mut self, at: SystemTime) -> Self {
        self.until = Some(at);
        self
    }

    /// With an id as an attribute, whose text is shared.
    #[must_use]
    pub fn with_id<'a, I>(self, key: &'static str, id: &'a I) -> Self
    where
        Arc<str>: From<&'a I>,
    {
        self.with(key, Arc::<str>::from(id))
    }

    /// With an attribute; see [`Self::set`].
    #[must_use]
    pub fn with(mut self, key: &'static str, value: impl Into<Value>) -> Self {
        self.set(key, value);
        self
    }

    /// Says whose it is: see [`key::TENANT`].
    #[must_use]
    pub fn of(mut self, tenant: &TenantId) -> Self {
        if let Some(details) = &mut self.details {
            details.tenant = Some(tenant.clone());
            details.set(key::TENANT, Arc::<str>::from(tenant).into());
        }
        self
    }

    /// Gives it an attribute; text beyond a kilobyte is cut.
    pub fn set(&mut self, key: &'static str, value: impl Into<Value>) {
        if let Some(details) = &mut self.details {
            details.set(key, value.into());
        }
    }

    /// Points to a span of another trace, or elsewhere in this one. The first 128 are kept.
    pub fn link(&mut self, to: &TraceContext) {
        if let Some(details) = &mut self.details {
            details.link(to);
        }
    }

    /// Notes that something happened now, with a sentence that says what or why.
    pub fn event(&mut self, name: &'static str, sentence: &str) {
        if let Some(details) = &mut self.details {
            details.event(name, sentence, SystemTime::now());
        }
    }

    /// What it stands for went wrong. `kind` is from a closed set, `sentence` says what and why.
    pub fn fail(&mut self, kind: &'static str, sentence: &str) {
        if self.details.is_none() && recorder().is_some() && !self.context.is_empty() {
            self.context = self
                .context
                .with_span(sampling::span_id())
                .with_sampled(true);
            self.parent = 0;
            let details = self.details.insert(Box::default());
            details.set(key::RECORDED_FOR, "error".into());
        }
        if let Some(details) = &mut self.details {
            details.fail(kind, sentence);
        }
    }

    /// Ends it now, and says what messages that follow from it carry.
    #[must_use]
    pub fn end(self) -> TraceContext {
        self.context.clone()
    }

    /// It did not happen: nothing is recorded.
    pub fn forget(mut self) {
        self.details = None;
    }
}

impl Drop for Span {
    fn drop(&mut self) {
        let (Some(details), Some(recorder)) = (self.details.take(), recorder()) else {
            return;
        };
        let until = self.until.unwrap_or_else(SystemTime::now).max(self.from);
        let tenant = details.tenant.clone();
        let name = std::mem::take(&mut self.name);
        let data = details.finish(name, self.kind.into(), &self.context, self.parent);
        recorder.record(data(self.from, until), tenant.as_ref());
    }
}

impl From<Kind> for SpanKind {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::Internal => Self::Internal,
            Kind::Server => Self::Server,
            Kind::Client => Self::Client,
            Kind::Producer => Self::Producer,
            Kind::Consumer => Self::Consumer,
        }
    }
}
