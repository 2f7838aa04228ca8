//! What somebody pipes into a task.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, State};
use futures::StreamExt;
use http::StatusCode;
use insula_proto::rest::{Task, TaskPhase};
use insula_types::ids::NotOurs;
use insula_types::{AgentId, ErrorCode, LaunchId, TaskState};
use tokio::time::{Duration, Instant};

use super::{ApiError, tasks};
use crate::auth::TenantContext;
use crate::relay::Failure;
use crate::service::Service;

/// How long input waits for its task to start; a task may wait for an offer for long.
const START: Duration = Duration::from_secs(24 * 3600);

pub(super) async fn feed(
    State(service): State<Arc<Service>>,
    context: TenantContext,
    Path(id): Path<String>,
    body: Body,
) -> Result<StatusCode, ApiError> {
    let runs = |task: &Task| {
        task.phase == TaskPhase::Done
            || (task.launch.is_some() && task.state != TaskState::Staging.as_str())
    };
    let task = tasks::until(&service, &context, &id, Instant::now() + START, runs).await?;
    let over = |sentence: String| ApiError::new(ErrorCode::FailedPrecondition, sentence);
    let (Some(agent), Some(launch), false) =
        (task.agent, task.launch, task.phase == TaskPhase::Done)
    else {
        return Err(over(format!(
            "task '{id}' takes no input: it is {}",
            task.state
        )));
    };
    let launch: LaunchId = launch
        .parse()
        .map_err(|error: NotOurs| ApiError::internal("read a launch id", &error))?;
    let input = service.relay.feed(&AgentId::from(agent), launch);
    let input = input.map_err(refusal)?;
    let mut chunks = body.into_data_stream();
    while let Some(chunk) = chunks.next().await {
        let chunk =
            chunk.map_err(|error| ApiError::invalid(format!("the input broke off: {error}")))?;
        if !input.send(chunk).await {
            break;
        }
    }
    input.finish().await.map_err(refusal)?;
    Ok(StatusCode::NO_CONTENT)
}

fn refusal(failure: Failure) -> ApiError {
    let code = match &failure {
        Failure::Disconnected(_) => ErrorCode::Unavailable,
        Failure::NotFound(_) | Failure::Refused(_) => ErrorCode::FailedPrecondition,
    };
    ApiError::new(code, failure.to_string())
}
