//! What somebody pipes into a task.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use futures::StreamExt;
use http::StatusCode;
use insula_proto::rest::TaskPhase;
use insula_types::ErrorCode;

use super::body::Segments;
use super::{ApiError, wait};
use crate::auth::TenantContext;
use crate::forward::Passed;
use crate::gateway::requests::Arrival;
use crate::relay::{Failure, Input};
use crate::service::Service;

pub(super) async fn feed(
    State(service): State<Arc<Service>>,
    context: TenantContext,
    passed: Passed,
    arrival: Arrival,
    Segments(id): Segments<String>,
    request: Request,
) -> Result<Response, ApiError> {
    let start = match passed.start.clone() {
        Some((agent, launch)) => wait::Start { agent, launch },
        None => started(&service, &context, &id).await?,
    };
    let forwarded = service
        .forwarder
        .to_agent(&context, &passed, start.pair(), request);
    let request = match forwarded.await {
        Ok(answered) => return Ok(answered),
        Err(request) => request,
    };
    let fed = async {
        let input = service
            .relay
            .feed(&start.agent, arrival.context(), start.launch)
            .await;
        pour(request.into_body(), input.map_err(refusal)?).await
    };
    tokio::select! {
        fed = fed => fed.map(|()| StatusCode::NO_CONTENT.into_response()),
        () = service.stopping.ending() => Err(wait::stops()),
    }
}

/// The start that takes the input, which waits for it for as long as its connection lives.
async fn started(
    service: &Service,
    context: &TenantContext,
    id: &str,
) -> Result<wait::Start, ApiError> {
    let task = wait::until(service, context, id, None, wait::has_started).await?;
    let start = match task.phase {
        TaskPhase::Done => None,
        _ => wait::start_of(&task)?,
    };
    start.ok_or_else(|| {
        let sentence = format!("task '{id}' takes no input: it is {}", task.state);
        ApiError::new(ErrorCode::FailedPrecondition, sentence)
    })
}

async fn pour(body: Body, input: Input) -> Result<(), ApiError> {
    let mut chunks = body.into_data_stream();
    while let Some(chunk) = chunks.next().await {
        let chunk =
            chunk.map_err(|error| ApiError::invalid(format!("the input broke off: {error}")))?;
        if !input.send(chunk).await {
            break;
        }
    }
    input.finish().await.map_err(refusal)
}

fn refusal(failure: Failure) -> ApiError {
    let code = match &failure {
        Failure::Disconnected(_) | Failure::Silent(_) | Failure::BrokenOff(_) => {
            ErrorCode::Unavailable
        }
        Failure::Busy(_) => ErrorCode::ResourceExhausted,
        Failure::NotFound(_) | Failure::Refused(_) => ErrorCode::FailedPrecondition,
    };
    ApiError::new(code, failure.to_string())
}
