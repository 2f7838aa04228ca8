//! What somebody pipes into a task.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use futures::StreamExt;
use http::StatusCode;
use insula_proto::rest::TaskPhase;
use insula_types::ErrorCode;

use super::body::Segments;
use super::{ApiError, wait};
use crate::auth::TenantContext;
use crate::relay::{Failure, Input};
use crate::service::Service;

pub(super) async fn feed(
    State(service): State<Arc<Service>>,
    context: TenantContext,
    Segments(id): Segments<String>,
    body: Body,
) -> Result<StatusCode, ApiError> {
    // Input waits for its task to start for as long as its connection lives.
    let task = wait::until(&service, &context, &id, None, wait::has_started).await?;
    let start = match task.phase {
        TaskPhase::Done => None,
        _ => wait::start_of(&task)?,
    };
    let Some(wait::Start { agent, launch }) = start else {
        let sentence = format!("task '{id}' takes no input: it is {}", task.state);
        return Err(ApiError::new(ErrorCode::FailedPrecondition, sentence));
    };
    let fed = async {
        let input = service.relay.feed(&agent, launch).await.map_err(refusal)?;
        pour(body, input).await
    };
    tokio::select! {
        fed = fed => fed.map(|()| StatusCode::NO_CONTENT),
        () = service.stopping.ending() => Err(wait::stops()),
    }
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
