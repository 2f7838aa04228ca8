//! A task's output, from its agent to whoever reads it.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use http::header::CONTENT_TYPE;
use insula_proto::convert::agent::{Output as Stream, OutputRequest, ServiceMessage, Start};
use insula_proto::rest::{LAUNCH_HEADER, Task, TaskPhase};
use insula_types::{ErrorCode, LaunchId};
use serde::Deserialize;
use tokio::time::Instant;

use super::body::{Parameters, Segments};
use super::{ApiError, lookup, view, wait};
use crate::auth::TenantContext;
use crate::forward::Passed;
use crate::gateway::requests::Arrival;
use crate::relay::{Failure, Output};
use crate::service::Service;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct OutputQuery {
    #[serde(default)]
    offset: u64,
    tail: Option<u64>,
    #[serde(default)]
    follow: bool,
    attempt: Option<u32>,
}

pub(super) async fn output(
    State(service): State<Arc<Service>>,
    context: TenantContext,
    passed: Passed,
    arrival: Arrival,
    Segments((id, stream)): Segments<(String, String)>,
    Parameters(query): Parameters<OutputQuery>,
    request: Request,
) -> Result<Response, ApiError> {
    let output = Stream::from_name(&stream)
        .ok_or_else(|| ApiError::not_found(format!("a task has stdout and stderr, no {stream}")))?;
    let start = match passed.start.clone() {
        Some((agent, launch)) => Some(wait::Start { agent, launch }),
        None => started(&service, &context, &id, &query).await?,
    };
    let Some(start) = start else {
        return Ok(plain(Body::empty(), None));
    };
    let forwarded = service
        .forwarder
        .to_agent(&context, &passed, start.pair(), request);
    if let Ok(answered) = forwarded.await {
        return Ok(answered);
    }
    let launch = start.launch;
    let body = read(&service, &context, &arrival, &id, start, output, &query).await?;
    Ok(plain(body, Some(launch)))
}

/// The output of a start whose agent is connected to this replica, if to any.
async fn read(
    service: &Service,
    context: &TenantContext,
    arrival: &Arrival,
    id: &str,
    start: wait::Start,
    output: Stream,
    query: &OutputQuery,
) -> Result<Body, ApiError> {
    let wait::Start { agent, launch } = start;
    let ask = |request| {
        ServiceMessage::ReadOutput(OutputRequest {
            request,
            launch,
            output,
            start: query.tail.map_or(Start::Offset(query.offset), Start::Tail),
            follow: query.follow,
        })
    };
    tokio::select! {
        read = service.relay.read(&agent, arrival.context(), ask) => match read {
            Ok(output) => Ok(stream_of(service, output)),
            // It never got as far as having output, for example because its program does not exist.
            Err(Failure::NotFound(_)) if is_over(service, context, id, launch).await? => {
                Ok(Body::empty())
            }
            Err(failure) => Err(refusal(failure)),
        },
        () = service.stopping.ending() => Err(wait::stops()),
    }
}

/// Whether a start has ended: that it has no output is then the whole truth, else it is not known.
async fn is_over(
    service: &Service,
    context: &TenantContext,
    id: &str,
    launch: LaunchId,
) -> Result<bool, ApiError> {
    let found = lookup::find(service, context, id).await?;
    let task = view::found(&found).ok_or_else(|| lookup::missing(id))?;
    let is_latest = task.launch == Some(launch.to_string());
    Ok(!is_latest || task.phase == TaskPhase::Done)
}

/// Where the task was started, which a follower waits for; nothing if it is over and never was.
async fn started(
    service: &Service,
    context: &TenantContext,
    id: &str,
    query: &OutputQuery,
) -> Result<Option<wait::Start>, ApiError> {
    let enough = |task: &Task| match query.attempt {
        Some(attempt) if task.attempt != attempt => {
            task.attempt > attempt || task.phase == TaskPhase::Done
        }
        _ => wait::has_started(task),
    };
    // A follower waits as long as its connection lives.
    let deadline = (!query.follow).then(Instant::now);
    let task = wait::until(service, context, id, deadline, enough).await?;
    if !enough(&task) {
        let sentence = format!("task '{id}' has not started yet, so it has no output");
        let error = ApiError::new(ErrorCode::FailedPrecondition, sentence);
        return Err(error.hint(format!("`insula why {id}` says what it waits for")));
    }
    match query.attempt {
        Some(attempt) if attempt != task.attempt => {
            let earlier = lookup::attempt(service, context, id, attempt).await?;
            wait::start_of(&view::started(&earlier))
        }
        _ => wait::start_of(&task),
    }
}

/// Ends with an error, which the reader sees as a connection that broke, unless all of the output was
/// sent.
fn stream_of(service: &Service, output: Output) -> Body {
    let state = (output, service.stopping.clone());
    let chunks = futures::stream::unfold(state, |(mut output, stopping)| async move {
        let chunk = tokio::select! {
            chunk = output.next() => chunk.map_err(std::io::Error::other).transpose()?,
            () = stopping.ending() => Err(std::io::Error::other("the control plane stops")),
        };
        Some((chunk, (output, stopping)))
    });
    Body::from_stream(chunks)
}

fn refusal(failure: Failure) -> ApiError {
    match failure {
        Failure::Disconnected(_) | Failure::Silent(_) | Failure::BrokenOff(_) => {
            ApiError::new(ErrorCode::Unavailable, failure.to_string())
                .hint("its output is on that machine; try again once it is back")
        }
        Failure::Busy(_) => ApiError::new(ErrorCode::ResourceExhausted, failure.to_string()),
        Failure::NotFound(sentence) => ApiError::not_found(sentence),
        Failure::Refused(sentence) => ApiError::new(ErrorCode::FailedPrecondition, sentence),
    }
}

fn plain(body: Body, launch: Option<LaunchId>) -> Response {
    let mut response = ([(CONTENT_TYPE, "application/octet-stream")], body).into_response();
    if let Some(launch) = launch
        && let Ok(value) = launch.to_string().parse()
    {
        response.headers_mut().insert(LAUNCH_HEADER, value);
    }
    response
}
