//! What happened to a task: its recorded timeline, with what this replica happens to know besides.
//!
//! The timeline comes from rows and is always complete. Decisions, the names of machines and spans are
//! in the memory of the cell's owner, and are left out where nobody has them.

mod live;
mod notes;
mod show;
mod spans;

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use insula_proto::rest::{Trace, TraceStart};
use insula_store::{PAGE_ROWS_MAX, TaskFilter};
use insula_types::framework::BUILT_IN;
use insula_types::record::TaskRow;
use insula_types::{FrameworkId, TaskId, Time};
use serde::Deserialize;

use self::live::Live;
use super::body::{Parameters, Segments};
use super::lookup::{self, Found};
use super::{ApiError, view};
use crate::auth::TenantContext;
use crate::service::{Service, wall_clock};

/// Starts that are told unless one is asked for: as many as a picture can show, and more.
const STARTS_MAX: usize = 100;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TraceQuery {
    attempt: Option<u32>,
}

pub(super) async fn trace(
    State(service): State<Arc<Service>>,
    context: TenantContext,
    Segments(id): Segments<String>,
    Parameters(query): Parameters<TraceQuery>,
) -> Result<Json<Trace>, ApiError> {
    let found = lookup::find(&service, &context, &id).await?;
    let task = view::found(&found).ok_or_else(|| lookup::missing(&id))?;
    let (rows, earlier) = starts(&service, &context, &found, &id, query.attempt).await?;
    let live = Live::of(&context, &found, &rows).await;
    let now = wall_clock();
    let mut told: Vec<TraceStart> = rows
        .iter()
        .enumerate()
        .map(|(index, row)| show::start(row, ended_before(&rows, index), now, &live))
        .collect();
    told.extend(waiting(&found, &rows, &live));
    if let Some(attempt) = query.attempt {
        told.retain(|start| start.attempt == attempt);
        if told.is_empty() {
            return Err(lookup::no_start(&id, attempt));
        }
    }
    notes::add(&service, &context, &id, &task.framework, &mut told);
    spans::add(&context.tenant, &mut told);
    Ok(Json(Trace {
        id: task.id,
        name: task.name,
        framework: task.framework,
        kind: task.kind,
        resources: task.resources,
        at: now.max(latest(&told)).0,
        earlier: earlier && query.attempt.is_none(),
        starts: told,
    }))
}

/// The starts of a task, oldest first, and whether there are earlier ones.
async fn starts(
    service: &Service,
    context: &TenantContext,
    found: &Found,
    id: &str,
    attempt: Option<u32>,
) -> Result<(Vec<TaskRow>, bool), ApiError> {
    let framework = found.row.as_ref().map_or_else(
        || FrameworkId::from(BUILT_IN),
        |row| row.key.framework.framework.clone(),
    );
    let filter = TaskFilter {
        tenant: Some(context.tenant.clone()),
        framework: Some(framework),
        task: Some(TaskId::from(id)),
        ..TaskFilter::default()
    };
    // One of many is looked for among as many as there may be.
    let limit = attempt.map_or(STARTS_MAX, |_| PAGE_ROWS_MAX);
    let mut page = service
        .store
        .tasks(context.cell.cell(), &filter, None, limit)
        .await?;
    page.rows.reverse();
    Ok((page.rows, page.more))
}

/// When the start before this one ended, if that is the same request.
fn ended_before(rows: &[TaskRow], index: usize) -> Option<Time> {
    let row = rows.get(index)?;
    let before = rows.get(index.checked_sub(1)?)?;
    (before.attempt < row.attempt)
        .then_some(before.times.ended)
        .flatten()
}

/// The start that is waited for, unless it has begun since the request was looked at.
fn waiting(found: &Found, rows: &[TaskRow], live: &Live) -> Option<TraceStart> {
    let request = found.request.as_ref()?;
    let latest = rows.last();
    let is_latest = latest.map(|row| row.launch) == found.row.as_ref().map(|row| row.launch);
    if found.current().is_some() || !is_latest {
        return None;
    }
    let earlier = latest.and_then(|row| row.times.ended);
    Some(show::waiting(request, earlier, live))
}

/// No step is later than the time at which it is told of, whatever the clocks say.
fn latest(starts: &[TraceStart]) -> Time {
    let steps = starts.iter().flat_map(|start| &start.steps);
    let points = steps.map(|step| step.until.unwrap_or(step.from));
    Time(points.max().unwrap_or_default())
}
