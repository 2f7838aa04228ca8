//! Listing tasks: first those that wait, then those that were started.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use insula_proto::rest::{Page, Task};
use insula_store::{TaskFilter, TaskGroup};
use insula_types::framework::BUILT_IN;
use insula_types::ids::NotOurs;
use insula_types::{FrameworkId, LaunchId, TaskId};
use serde::Deserialize;

use super::body::Parameters;
use super::{ApiError, view};
use crate::auth::TenantContext;
use crate::service::Service;

/// Tasks of one page, unless fewer are asked for.
const PAGE: usize = 500;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ListQuery {
    #[serde(default)]
    all: bool,
    #[serde(default)]
    prefix: String,
    framework: Option<String>,
    limit: Option<usize>,
    cursor: Option<String>,
}

/// Where a page ended. A task goes from waiting to started, the way the list goes, so one that moves
/// while somebody pages is seen twice rather than missed.
enum Cursor {
    /// Behind this one of those that wait to be started.
    Waiting(TaskId),
    /// Behind this one of those that were started.
    Started(LaunchId),
}

const WAITING: &str = "waiting:";

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Waiting(task) => write!(f, "{WAITING}{task}"),
            Self::Started(launch) => launch.fmt(f),
        }
    }
}

impl FromStr for Cursor {
    type Err = NotOurs;

    fn from_str(text: &str) -> Result<Self, NotOurs> {
        match text.strip_prefix(WAITING) {
            Some(task) => Ok(Self::Waiting(TaskId::from(task))),
            None => text.parse().map(Self::Started),
        }
    }
}

pub(super) async fn list(
    State(service): State<Arc<Service>>,
    context: TenantContext,
    Parameters(query): Parameters<ListQuery>,
) -> Result<Json<Page<Task>>, ApiError> {
    let cursor = query.cursor.as_deref().map(str::parse).transpose();
    let cursor = cursor.map_err(|error: NotOurs| {
        ApiError::invalid(format!("the cursor is not understood: {error}"))
    })?;
    let limit = query.limit.unwrap_or(PAGE).clamp(1, PAGE);
    let mut page = Page {
        items: Vec::new(),
        next: None,
    };
    let (is_past_waiting, after_waiting, after) = match cursor {
        None => (false, None, None),
        Some(Cursor::Waiting(task)) => (false, Some(task), None),
        Some(Cursor::Started(launch)) => (true, None, Some(launch)),
    };
    if !is_past_waiting {
        waiting(
            &service,
            &context,
            &query,
            after_waiting.as_ref(),
            limit,
            &mut page,
        )
        .await?;
    }
    if page.next.is_none() {
        started(&service, &context, &query, after, limit, &mut page).await?;
    }
    Ok(Json(page))
}

/// The requests that wait to be started have no row among the tasks.
async fn waiting(
    service: &Service,
    context: &TenantContext,
    query: &ListQuery,
    after: Option<&TaskId>,
    limit: usize,
    page: &mut Page<Task>,
) -> Result<(), ApiError> {
    if query.framework.as_deref().is_some_and(|id| id != BUILT_IN) {
        return Ok(());
    }
    let (cell, tenant, prefix) = (context.cell.cell(), &context.tenant, &query.prefix);
    let store = &service.store;
    let found = store
        .waiting_requests(cell, tenant, prefix, after, limit)
        .await?;
    page.items.extend(found.rows.iter().map(view::waiting));
    // A full page goes on with the rest, if only to find that those that were started follow.
    if (found.more || page.items.len() == limit)
        && let Some(last) = found.rows.last()
    {
        page.next = Some(Cursor::Waiting(last.request.task.clone()).to_string());
    }
    Ok(())
}

async fn started(
    service: &Service,
    context: &TenantContext,
    query: &ListQuery,
    after: Option<LaunchId>,
    limit: usize,
    page: &mut Page<Task>,
) -> Result<(), ApiError> {
    let filter = TaskFilter {
        tenant: Some(context.tenant.clone()),
        framework: query.framework.as_deref().map(FrameworkId::from),
        group: (!query.all).then_some(TaskGroup::Active),
        task_prefix: (!query.prefix.is_empty()).then(|| query.prefix.clone()),
        ..TaskFilter::default()
    };
    let room = limit - page.items.len();
    let found = service
        .store
        .tasks(context.cell.cell(), &filter, after, room)
        .await?;
    let items = found.rows.iter().map(view::started);
    page.items.extend(items);
    if found.more
        && let Some(last) = found.rows.last()
    {
        page.next = Some(Cursor::Started(last.launch).to_string());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_cursor_reads_back_what_it_prints() {
        for text in ["waiting:web-1", "waiting:waiting:x", "19a.42"] {
            assert_eq!(text.parse::<Cursor>().unwrap().to_string(), text);
        }
        for foreign in ["", "x", "web-1", "19a", "waiting"] {
            assert!(foreign.parse::<Cursor>().is_err(), "{foreign}");
        }
    }
}
