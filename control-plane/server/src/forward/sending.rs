//! The span of a request on its way to another replica.

use axum::extract::Request;
use http::StatusCode;
use insula_telemetry::names::{key, span};
use insula_telemetry::{Kind, Span};
use insula_types::TraceContext;

use super::send::Onward;
use crate::gateway::requests::{Arrival, Route, method_name};

/// See the module. It ends with the head of the answer; the other replica's span of the request is its
/// child.
pub(super) struct Sending {
    context: TraceContext,
    /// Gone once it has ended.
    span: Option<Span>,
}

impl Sending {
    pub(super) fn begin(onward: &Onward<'_>, request: &Request) -> Self {
        let route = Route::of(request.extensions(), request.uri());
        let arrival = Arrival::of(request.extensions(), request.headers());
        let method = request.method();
        let span = Span::begin(span::FORWARD, Kind::Client, arrival.context());
        let context = span.context().clone();
        if !span.is_recorded() {
            return Self {
                context,
                span: Some(span),
            };
        }
        let mut span = span
            .of(&onward.context.tenant)
            .with(key::CELL, onward.context.cell.cell().as_str().to_owned())
            .with(key::HTTP_METHOD, method_name(method))
            .with(key::HTTP_ROUTE, route.pattern)
            .with(key::SERVER_ADDRESS, onward.address.to_owned());
        span.rename(route.span_name(method));
        Self {
            context,
            span: Some(span),
        }
    }

    /// What the request carries.
    pub(super) fn context(&self) -> &TraceContext {
        &self.context
    }

    /// The other replica does not answer for so long that the span ends without it.
    pub(super) fn goes_on(&mut self) {
        if let Some(mut span) = self.span.take() {
            span.event("goes on", "the request waits for what may take hours");
        }
    }

    /// The head of the answer is there.
    pub(super) fn answered(&mut self, status: StatusCode) {
        if let Some(mut span) = self.span.take() {
            span.set(key::HTTP_STATUS, i64::from(status.as_u16()));
            if status.is_server_error() && span.is_recorded() {
                span.fail("answered_elsewhere", "the other replica failed to answer");
            }
        }
    }

    /// There is no answer.
    pub(super) fn lost(&mut self, kind: &'static str, sentence: &str) {
        if let Some(mut span) = self.span.take().filter(Span::is_recorded) {
            span.fail(kind, sentence);
        }
    }
}
