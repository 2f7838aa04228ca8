//! A task's output, from its agent to whoever reads it.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use http::header::CONTENT_TYPE;
use insula_proto::convert::agent::{Output as Stream, OutputRequest, ServiceMessage, Start};
use insula_proto::rest::{LAUNCH_HEADER, Task, TaskPhase};
use insula_types::ids::NotOurs;
use insula_types::{AgentId, ErrorCode, LaunchId, TaskState};
use serde::Deserialize;
use tokio::time::{Duration, Instant};

use super::body::Parameters;
use super::{ApiError, tasks};
use crate::auth::TenantContext;
use crate::relay::{Failure, Output};
use crate::service::Service;

/// A follower waits for a task to start for as long as the connection lives; this only bounds one
/// look.
const LOOK: Duration = Duration::from_secs(3600);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct OutputQuery {
    #[serde(default)]
    offset: u64,
    tail: Option<u64>,
    #[serde(default)]
    follow: bool,
}

pub(super) async fn output(
    State(service): State<Arc<Service>>,
    context: TenantContext,
    Path((id, stream)): Path<(String, String)>,
    Parameters(query): Parameters<OutputQuery>,
) -> Result<Response, ApiError> {
    let stream = Stream::from_name(&stream)
        .ok_or_else(|| ApiError::not_found(format!("a task has stdout and stderr, no {stream}")))?;
    let task = started(&service, &context, &id, query.follow).await?;
    let (Some(agent), Some(launch)) = (&task.agent, &task.launch) else {
        return Ok(plain(Body::empty(), None));
    };
    let parsed: LaunchId = launch
        .parse()
        .map_err(|error: NotOurs| ApiError::internal("read a launch id", &error))?;
    let output = service
        .relay
        .read(&AgentId::from(agent.as_str()), |request| {
            ServiceMessage::ReadOutput(OutputRequest {
                request,
                launch: parsed,
                output: stream,
                start: query.tail.map_or(Start::Offset(query.offset), Start::Tail),
                follow: query.follow,
            })
        });
    let body = begin(output.map_err(refusal)?).await?;
    Ok(plain(body, Some(launch)))
}

/// The task, once it has started or can no longer start; without `follow` as it is.
async fn started(
    service: &Service,
    context: &TenantContext,
    id: &str,
    follow: bool,
) -> Result<Task, ApiError> {
    let has_started = |task: &Task| {
        task.phase == TaskPhase::Done
            || (task.launch.is_some() && task.state != TaskState::Staging.as_str())
    };
    loop {
        let patience = if follow { LOOK } else { Duration::ZERO };
        let task =
            tasks::until(service, context, id, Instant::now() + patience, has_started).await?;
        if has_started(&task) {
            return Ok(task);
        }
        if !follow {
            let sentence = format!("task '{id}' has not started yet, so it has no output");
            return Err(ApiError::new(ErrorCode::FailedPrecondition, sentence)
                .hint(format!("`insula why {id}` says what it waits for")));
        }
    }
}

/// Waits for the first bytes, so that a refusal of the agent still can be an error's status.
async fn begin(mut output: Output) -> Result<Body, ApiError> {
    let first = match output.next().await {
        Ok(first) => first,
        // It never got as far as having output, for example because its program does not exist.
        Err(Failure::NotFound(_)) => None,
        Err(failure) => return Err(refusal(failure)),
    };
    let Some(first) = first else {
        return Ok(Body::empty());
    };
    let rest = futures::stream::unfold((Some(first), output), |(first, mut output)| async move {
        let chunk = match first {
            Some(first) => Ok(Some(first)),
            None => output.next().await,
        };
        Some((chunk.transpose()?, (None, output)))
    });
    Ok(Body::from_stream(rest))
}

fn refusal(failure: Failure) -> ApiError {
    match failure {
        Failure::Disconnected(_) => ApiError::new(ErrorCode::Unavailable, failure.to_string())
            .hint("its output is on that machine; try again once it is back"),
        Failure::NotFound(sentence) => ApiError::not_found(sentence),
        Failure::Refused(sentence) => ApiError::new(ErrorCode::FailedPrecondition, sentence),
    }
}

fn plain(body: Body, launch: Option<&str>) -> Response {
    let mut response = ([(CONTENT_TYPE, "application/octet-stream")], body).into_response();
    if let Some(launch) = launch
        && let Ok(value) = launch.parse()
    {
        response.headers_mut().insert(LAUNCH_HEADER, value);
    }
    response
}
