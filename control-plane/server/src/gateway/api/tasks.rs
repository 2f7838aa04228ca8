//! Showing, explaining and ending tasks.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use http::StatusCode;
use insula_kernel::{Input, Outcome};
use insula_proto::rest::{KillTask, Task, TaskPhase, WhyAnswer, WhySentence};
use insula_types::framework::BUILT_IN;
use insula_types::why::Why;
use insula_types::{ErrorCode, Span, TaskId, TaskState};
use serde::Deserialize;
use tokio::time::Instant;

use super::body::{self, Parameters, Segments};
use super::{ApiError, lookup, view, wait};
use crate::auth::TenantContext;
use crate::gateway::requests::Arrival;
use crate::service::Service;

/// Longest that a request may wait; proxies in between cut idle ones after a minute.
const WAIT_MAX: Duration = Duration::from_secs(55);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ShowQuery {
    wait: Option<f64>,
}

pub(super) async fn show(
    State(service): State<Arc<Service>>,
    context: TenantContext,
    Segments(id): Segments<String>,
    Parameters(query): Parameters<ShowQuery>,
) -> Result<Json<Task>, ApiError> {
    let Some(seconds) = query.wait else {
        let found = lookup::find(&service, &context, &id).await?;
        let task = view::found(&found).ok_or_else(|| lookup::missing(&id))?;
        return Ok(Json(task));
    };
    let patience = Span::from_secs_f64(seconds)
        .ok_or_else(|| ApiError::invalid(format!("{seconds} is no time to wait, in seconds")))?;
    let deadline = Instant::now() + Duration::from(patience).min(WAIT_MAX);
    let is_over = |task: &Task| task.phase == TaskPhase::Done;
    let task = wait::until(&service, &context, &id, Some(deadline), is_over).await?;
    Ok(Json(task))
}

pub(super) async fn why(
    State(service): State<Arc<Service>>,
    context: TenantContext,
    Segments(id): Segments<String>,
) -> Result<Json<WhyAnswer>, ApiError> {
    let found = lookup::find(&service, &context, &id).await?;
    let sentence = |data: Why| WhySentence {
        sentence: data.to_string(),
        data,
    };
    let reasons = reasons(&context, &found).await?;
    let reasons = reasons.into_iter().map(sentence).collect();
    Ok(Json(WhyAnswer { id, reasons }))
}

/// Why a task stands where it stands, the most telling reason first.
pub(super) async fn reasons(
    context: &TenantContext,
    found: &lookup::Found,
) -> Result<Vec<Why>, ApiError> {
    let reasons = match (found.current(), &found.request) {
        (None, Some(request)) if request.withdrawn_at.is_some() => Some(vec![Why::State {
            state: TaskState::Killed,
            message: view::WITHDRAWN.to_owned(),
        }]),
        (None, Some(request)) => {
            let (tenant, task) = (context.tenant.clone(), request.request.task.clone());
            context
                .cell
                .query(move |kernel| kernel.why_request(&tenant, &task))
                .await?
        }
        (Some(row), _) => {
            let key = row.key.clone();
            let live = context
                .cell
                .query(move |kernel| kernel.why_task(&key))
                .await?;
            let state = row.status.state;
            let message = row.status.message.clone();
            live.or(Some(vec![Why::State { state, message }]))
        }
        (None, None) => None,
    };
    Ok(reasons.unwrap_or_default())
}

pub(super) async fn kill(
    State(service): State<Arc<Service>>,
    context: TenantContext,
    arrival: Arrival,
    Segments(id): Segments<String>,
    body: Body,
) -> Result<StatusCode, ApiError> {
    let kill: KillTask = body::json_or_nothing(body).await?;
    let grace = match kill.grace_seconds {
        None => None,
        Some(seconds) => Some(Span::from_secs_f64(seconds).ok_or_else(|| {
            ApiError::invalid(format!("{seconds} is no grace period, in seconds"))
        })?),
    };
    let found = lookup::find(&service, &context, &id).await?;
    let task = view::found(&found).ok_or_else(|| lookup::missing(&id))?;
    refuse_what_cannot_be_killed(&task)?;
    let (tenant, task) = (context.tenant, TaskId::from(id));
    let outcome = context
        .cell
        .ask(arrival.context(), |request| Input::Withdraw {
            request,
            tenant,
            task,
            grace,
        })
        .await?;
    match outcome {
        Outcome::Refused(rejection) => Err(rejection.into()),
        _ => Ok(StatusCode::ACCEPTED),
    }
}

fn refuse_what_cannot_be_killed(task: &Task) -> Result<(), ApiError> {
    let refuse = |sentence| Err(ApiError::new(ErrorCode::FailedPrecondition, sentence));
    if task.framework != BUILT_IN {
        return refuse(format!(
            "task '{}' belongs to the framework {}, which alone may kill it",
            task.id, task.framework
        ));
    }
    if task.phase == TaskPhase::Done {
        return refuse(format!(
            "task '{}' is over already: it is {}",
            task.id, task.state
        ));
    }
    Ok(())
}
