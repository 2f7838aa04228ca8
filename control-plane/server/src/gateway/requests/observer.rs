//! Goes around every route.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use insula_telemetry::names::span;
use insula_telemetry::{Kind, Span, extract};
use insula_types::TraceContext;
use tokio::time::timeout;
use tracing::Instrument;

use super::arrival::Arrival;
use super::damper::Damper;
use super::observed::Observed;
use crate::front::{Client, Connection, Security};

/// The span of a request ends with the head of its answer, or after this time, if the head does not
/// come before something happens that may take hours: a task that starts, or all of an input. Longer
/// than any request with a bound takes.
pub(crate) const OPEN_MAX: Duration = Duration::from_secs(70);

/// What outlives a request.
#[derive(Debug, Default)]
pub(crate) struct Observer {
    pub(super) damper: Damper,
}

/// Makes the request's span, lets it be served, and says how that ended.
pub(crate) async fn observe(
    State(observer): State<Arc<Observer>>,
    mut request: Request,
    next: Next,
) -> Response {
    let caller = extract(request.headers());
    let span = begin(&request, &caller);
    let arrival = Arrival::new(caller, span.context().clone());
    request.extensions_mut().insert(arrival.clone());
    let mut observed = Observed::new(&request, span, arrival);
    let scope = observed.scope();
    let mut served = pin!(next.run(request).instrument(scope));
    let response = if observed.is_recorded() {
        match timeout(OPEN_MAX, &mut served).await {
            Ok(response) => response,
            Err(_) => {
                observed.goes_on();
                served.await
            }
        }
    } else {
        served.await
    };
    observed.answered(&observer, &response);
    response
}

/// Another replica has decided already whether the trace is recorded; anybody else's flag is advice.
fn begin(request: &Request, caller: &TraceContext) -> Span {
    let connection = request.extensions().get::<Connection>();
    let security = connection.map(|connection| &connection.security);
    if !caller.is_empty() && matches!(security, Some(Security::Tls(Client::Replica(_)))) {
        return Span::begin(span::REQUEST, Kind::Server, caller);
    }
    Span::answering(span::REQUEST, caller, None)
}
