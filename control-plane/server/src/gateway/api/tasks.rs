//! Listing, showing, explaining and ending tasks.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::body::Body;
use axum::extract::{Path, State};
use http::StatusCode;
use insula_kernel::{Input, Outcome};
use insula_proto::rest::{KillTask, Page, Task, TaskPhase, WhyAnswer, WhySentence};
use insula_store::{TaskFilter, TaskGroup};
use insula_types::framework::BUILT_IN;
use insula_types::why::Why;
use insula_types::{ErrorCode, LaunchId, Span, TaskId};
use serde::Deserialize;
use tokio::sync::broadcast::error::RecvError;
use tokio::time::{Instant, timeout_at};

use super::body::{self, Parameters};
use super::{ApiError, lookup, view};
use crate::auth::TenantContext;
use crate::service::Service;

/// Longest that a request may wait; proxies in between cut idle ones after a minute.
const WAIT_MAX: Duration = Duration::from_secs(55);
/// Tasks of one page unless asked otherwise.
const PAGE: usize = 500;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ListQuery {
    #[serde(default)]
    all: bool,
    #[serde(default)]
    prefix: String,
    limit: Option<usize>,
    cursor: Option<LaunchId>,
}

pub(super) async fn list(
    State(service): State<Arc<Service>>,
    context: TenantContext,
    Parameters(query): Parameters<ListQuery>,
) -> Result<Json<Page<Task>>, ApiError> {
    let filter = TaskFilter {
        tenant: Some(context.tenant.clone()),
        group: (!query.all).then_some(TaskGroup::Active),
        task_prefix: (!query.prefix.is_empty()).then(|| query.prefix.clone()),
        ..TaskFilter::default()
    };
    let limit = query.limit.unwrap_or(PAGE).clamp(1, PAGE);
    let page = service
        .store
        .tasks(&context.cell, &filter, query.cursor, limit)
        .await?;
    let mut items = Vec::new();
    if query.cursor.is_none() {
        items = waiting(&service, &context, &query.prefix, limit).await?;
    }
    let next = if page.more {
        page.rows.last().map(|row| row.launch.to_string())
    } else {
        None
    };
    items.extend(page.rows.iter().map(|row| view::started(row, None)));
    Ok(Json(Page { items, next }))
}

/// The requests that wait to be started: they have no row among the tasks.
async fn waiting(
    service: &Service,
    context: &TenantContext,
    prefix: &str,
    limit: usize,
) -> Result<Vec<Task>, ApiError> {
    let page = service
        .store
        .requests(&context.cell, Some(&context.tenant), None, limit)
        .await?;
    let waits = page
        .rows
        .iter()
        .filter(|row| row.launch.is_none() && row.request.task.as_str().starts_with(prefix));
    Ok(waits.map(view::waiting).collect())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ShowQuery {
    wait: Option<f64>,
}

pub(super) async fn show(
    State(service): State<Arc<Service>>,
    context: TenantContext,
    Path(id): Path<String>,
    Parameters(query): Parameters<ShowQuery>,
) -> Result<Json<Task>, ApiError> {
    let seconds = query.wait.unwrap_or(0.0);
    let wait = Duration::try_from_secs_f64(seconds)
        .map_err(|_| ApiError::invalid(format!("{seconds} is no time to wait, in seconds")))?;
    let deadline = Instant::now() + wait.min(WAIT_MAX);
    let is_over = |task: &Task| task.phase == TaskPhase::Done;
    let task = until(&service, &context, &id, deadline, is_over).await?;
    Ok(Json(task))
}

/// The task, once `enough` says so of it, or as it is at the deadline.
pub(super) async fn until(
    service: &Service,
    context: &TenantContext,
    id: &str,
    deadline: Instant,
    enough: impl Fn(&Task) -> bool,
) -> Result<Task, ApiError> {
    // Watched from before the first look, so that no change falls in between.
    let (_, mut events) = service.events.watch(0);
    loop {
        let found = lookup::find(service, context, id).await?;
        let task = view::found(&found)
            .ok_or_else(|| ApiError::not_found(format!("there is no task '{id}'")))?;
        if enough(&task) || Instant::now() >= deadline {
            return Ok(task);
        }
        let concerns_it = async {
            loop {
                match events.recv().await {
                    Ok(seen) if seen.event.task.as_deref() == Some(id) => return,
                    Ok(_) => {}
                    Err(RecvError::Lagged(_) | RecvError::Closed) => return,
                }
            }
        };
        // At the deadline the task is shown as it is then.
        let _ = timeout_at(deadline, concerns_it).await;
    }
}

pub(super) async fn why(
    State(service): State<Arc<Service>>,
    context: TenantContext,
    Path(id): Path<String>,
) -> Result<Json<WhyAnswer>, ApiError> {
    let found = lookup::find(&service, &context, &id).await?;
    let reasons = match (found.current(), &found.request) {
        (None, Some(request)) => {
            let (tenant, task) = (context.tenant.clone(), request.request.task.clone());
            service
                .handle
                .query(move |kernel| kernel.why_request(&tenant, &task))
                .await?
        }
        (Some(row), _) => {
            let key = row.key.clone();
            let live = service
                .handle
                .query(move |kernel| kernel.why_task(&key))
                .await?;
            let state = row.status.state;
            let message = row.status.message.clone();
            live.or(Some(vec![Why::State { state, message }]))
        }
        (None, None) => None,
    };
    let sentence = |data: Why| WhySentence {
        sentence: data.to_string(),
        data,
    };
    let reasons = reasons
        .unwrap_or_default()
        .into_iter()
        .map(sentence)
        .collect();
    Ok(Json(WhyAnswer { id, reasons }))
}

pub(super) async fn kill(
    State(service): State<Arc<Service>>,
    context: TenantContext,
    Path(id): Path<String>,
    body: Body,
) -> Result<StatusCode, ApiError> {
    let kill: KillTask = body::json(body).await?;
    let grace = match kill.grace_seconds {
        None => None,
        Some(seconds) => Some(Span::from_secs_f64(seconds).ok_or_else(|| {
            ApiError::invalid(format!("{seconds} is no grace period, in seconds"))
        })?),
    };
    let found = lookup::find(&service, &context, &id).await?;
    if found.request.is_none()
        && let Some(row) = &found.row
    {
        refuse_what_cannot_be_killed(&view::started(row, None))?;
    }
    let (tenant, task) = (context.tenant, TaskId::from(id));
    let outcome = service
        .handle
        .ask(|request| Input::Withdraw {
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
