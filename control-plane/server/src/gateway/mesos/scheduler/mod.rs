//! `POST /api/v1/scheduler`: the calls of frameworks.
//!
//! The order of checks is that of Mesos, since it decides which sentence a client gets: media type,
//! body, call, `Accept`, stream id, framework.

mod accept;
mod calls;
mod events;
mod launch;
mod stream;
mod subscribe;
mod subscription;

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, StatusCode};
use insula_proto::mesos::v1::scheduler::Call;
use insula_proto::mesos::v1::scheduler::call::Type;
use insula_proto::validate;
use insula_telemetry::metrics::labels::Outcome;

use super::refusal::Refusal;
use super::{MesosState, body, headers};
use crate::auth::TenantContext;
use crate::gateway::requests::Arrival;
use crate::metrics;

/// Serves one call.
pub(super) async fn serve(
    state: &MesosState,
    context: TenantContext,
    arrival: &Arrival,
    headers: &HeaderMap,
    body: Body,
) -> Result<Response, Refusal> {
    let media_type = headers::of_body(headers)?;
    let body = body::read(body).await?;
    let call = media_type.decode(&body)?;
    drop(body);
    let r#type = validate::scheduler_call(&call, None)?;
    let cell = context.cell.clone();
    let answer = answer(state, context, arrival, headers, (r#type, call)).await;
    let outcome = answer
        .as_ref()
        .map_or_else(Refusal::outcome, |_| Outcome::Accepted);
    let call = metrics::call(r#type);
    cell.measures().calls.one((call, outcome));
    answer
}

/// Answers a call that is complete.
async fn answer(
    state: &MesosState,
    context: TenantContext,
    arrival: &Arrival,
    headers: &HeaderMap,
    (r#type, call): (Type, Call),
) -> Result<Response, Refusal> {
    if r#type == Type::Subscribe {
        let accepted = headers::accepted(headers)?;
        if headers.contains_key(headers::STREAM_ID) {
            return Err(Refusal::StreamIdOfSubscribe);
        }
        return subscribe::subscribe(state, context, arrival, call, accepted).await;
    }
    calls::call(context, arrival, r#type, call, headers).await?;
    Ok(StatusCode::ACCEPTED.into_response())
}
