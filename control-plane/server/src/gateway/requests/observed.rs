//! One request, from its arrival to the head of its answer.

use std::sync::Arc;
use std::time::Instant;

use axum::extract::Request;
use axum::response::Response;
use http::header::HOST;
use http::{HeaderValue, Method, StatusCode, Uri};
use insula_telemetry::Span;
use insula_telemetry::names::key;
use tonic::{Code, Status};
use tracing::field::{Empty, display};

use super::arrival::{Arrival, Notes};
use super::observer::Observer;
use super::refused::Refused;
use super::route::{RPC_SERVICE, Route, method_name};

/// See the module. One that is dropped before it was answered has a client that went away.
pub(super) struct Observed {
    route: Route,
    method: Method,
    uri: Uri,
    host: Option<HeaderValue>,
    arrival: Arrival,
    /// Gone once it has ended.
    span: Option<Span>,
}

impl Observed {
    pub(super) fn new(request: &Request, span: Span, arrival: Arrival) -> Self {
        Self {
            route: Route::of(request.extensions(), request.uri()),
            method: request.method().clone(),
            uri: request.uri().clone(),
            host: request.headers().get(HOST).cloned(),
            arrival,
            span: Some(span),
        }
    }

    pub(super) fn is_recorded(&self) -> bool {
        self.span.as_ref().is_some_and(Span::is_recorded)
    }

    /// The scope of log lines that belong to the request.
    pub(super) fn scope(&self) -> tracing::Span {
        let scope = tracing::debug_span!("request", route = self.route.pattern, trace_id = Empty);
        if !scope.is_disabled() {
            let trace_id = self.arrival.context().trace_id_text();
            scope.record("trace_id", display(trace_id));
        }
        scope
    }

    /// The answer does not begin for so long that the span ends without it.
    pub(super) fn goes_on(&mut self) {
        if let Some(mut span) = self.span.take() {
            span.event("goes on", "the request waits for what may take hours");
            self.describe(span, None);
        }
    }

    /// The head of the answer is there.
    pub(super) fn answered(mut self, observer: &Observer, response: &Response) {
        let refused = Refused::of(response);
        if let Some(refused) = &refused {
            self.tell(observer, response.status(), refused);
        }
        let Some(mut span) = self.span.take() else {
            return;
        };
        if let Some(refused) = refused.filter(|it| it.is_failure || span.is_recorded()) {
            span.fail(refused.kind, &refused.sentence);
        }
        self.describe(span, Some(response));
    }

    /// The one log line about a request that failed. What a client did wrong is not for the operator,
    /// unless they look for it.
    fn tell(&self, observer: &Observer, status: StatusCode, refused: &Refused) {
        let notes = self.arrival.notes().clone();
        let (method, route) = (method_name(&self.method), self.route.pattern);
        let status = status.as_u16();
        let tenant = notes.tenant.as_ref().map(display);
        let trace_id = self.arrival.context().trace_id_text();
        let Refused { kind, sentence, .. } = refused;
        if !refused.is_failure {
            tracing::debug!(method, route, status, tenant, trace_id, kind, %sentence, "request refused");
            return;
        }
        let Some(left_out) = observer.damper.tells((route, kind), Instant::now()) else {
            return;
        };
        let left_out = (left_out > 0).then_some(left_out);
        let cause = refused.cause.as_deref();
        if refused.is_defect {
            tracing::error!(method, route, status, tenant, trace_id, kind, %sentence, cause, left_out, "request failed");
        } else {
            tracing::warn!(method, route, status, tenant, trace_id, kind, %sentence, cause, left_out, "request failed");
        }
    }

    /// Says on the span what it stands for, and ends it.
    fn describe(&self, mut span: Span, response: Option<&Response>) {
        if !span.is_recorded() {
            return;
        }
        span.rename(self.route.span_name(&self.method));
        if let Some(rpc) = self.route.rpc {
            span.set(key::RPC_SYSTEM, "grpc");
            span.set(key::RPC_SERVICE, RPC_SERVICE);
            span.set(key::RPC_METHOD, rpc);
            if let Some(response) = response {
                let status = response.extensions().get::<Status>();
                let code = status.map_or(Code::Ok, Status::code);
                span.set(key::RPC_STATUS, i64::from(i32::from(code)));
            }
        } else {
            span.set(key::HTTP_METHOD, method_name(&self.method));
            span.set(key::HTTP_ROUTE, self.route.pattern);
            span.set(key::URL_PATH, self.uri.path().to_owned());
            if let Some(response) = response {
                span.set(key::HTTP_STATUS, i64::from(response.status().as_u16()));
            }
        }
        if let Some(address) = self.address() {
            span.set(key::SERVER_ADDRESS, address);
        }
        drop(noted(span, &self.arrival.notes()));
    }

    /// As what the client knows the service.
    fn address(&self) -> Option<String> {
        let named = self.uri.host();
        let named = named.or_else(|| self.host.as_ref()?.to_str().ok());
        named.map(str::to_owned)
    }
}

/// With what handlers have found out.
fn noted(mut span: Span, notes: &Notes) -> Span {
    if let Some(cell) = &notes.cell {
        span.set(key::CELL, Arc::<str>::from(cell));
    }
    if let Some(agent) = &notes.agent {
        span.set(key::AGENT, Arc::<str>::from(agent));
    }
    if let Some(framework) = &notes.framework {
        span.set(key::FRAMEWORK, Arc::<str>::from(framework));
    }
    if let Some(call) = notes.call {
        span.set(key::CALL, call);
    }
    if notes.tasks_count > 0 {
        let count = i64::try_from(notes.tasks_count).unwrap_or(i64::MAX);
        span.set(key::TASKS, count);
    }
    for other in notes.tasks.iter().chain(&notes.links) {
        span.link(other);
    }
    match &notes.tenant {
        Some(tenant) => span.of(tenant),
        None => span,
    }
}

impl Drop for Observed {
    fn drop(&mut self) {
        if let Some(mut span) = self.span.take() {
            span.event("gone", "the client went away before it was answered");
            self.describe(span, None);
        }
    }
}
