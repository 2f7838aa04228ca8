//! Waiting for a task to get somewhere.

use insula_proto::rest::{Task, TaskPhase};
use insula_types::{AgentId, ErrorCode, LaunchId, TaskState};
use tokio::sync::broadcast::error::RecvError;
use tokio::time::{Instant, timeout_at};

use super::{ApiError, lookup, view};
use crate::auth::TenantContext;
use crate::service::Service;

/// Where a task's start is.
pub(super) struct Start {
    pub(super) agent: AgentId,
    pub(super) launch: LaunchId,
}

impl Start {
    pub(super) fn pair(&self) -> (AgentId, LaunchId) {
        (self.agent.clone(), self.launch)
    }
}

/// The task, once `enough` says so of it, or as it is at the deadline. Ends early when the control
/// plane stops or the cell is handed over. Cancel-safe: whoever goes away leaves nothing behind.
pub(super) async fn until(
    service: &Service,
    context: &TenantContext,
    id: &str,
    deadline: Option<Instant>,
    enough: impl Fn(&Task) -> bool,
) -> Result<Task, ApiError> {
    tokio::select! {
        task = changes(service, context, id, deadline, enough) => task,
        () = context.cell.moved() => Err(moved()),
        () = service.stopping.ending() => Err(stops()),
    }
}

async fn changes(
    service: &Service,
    context: &TenantContext,
    id: &str,
    deadline: Option<Instant>,
    enough: impl Fn(&Task) -> bool,
) -> Result<Task, ApiError> {
    // Watched from before the first look, so that no change falls in between.
    let (_, mut events) = service.events.of(&context.cell)?.watch(0);
    loop {
        let found = lookup::find(service, context, id).await?;
        let task = view::found(&found).ok_or_else(|| lookup::missing(id))?;
        if enough(&task) || deadline.is_some_and(|deadline| Instant::now() >= deadline) {
            return Ok(task);
        }
        let concerns_it = async {
            loop {
                match events.recv().await {
                    Ok(seen) if seen.event.task.as_deref() == Some(id) => return,
                    Ok(_) => {}
                    // What was missed may have concerned it.
                    Err(RecvError::Lagged(_)) => return,
                    Err(RecvError::Closed) => std::future::pending().await,
                }
            }
        };
        match deadline {
            // At the deadline the task is shown as it is then.
            Some(deadline) => drop(timeout_at(deadline, concerns_it).await),
            None => concerns_it.await,
        }
    }
}

/// Whether a task has started, or can no longer start.
pub(super) fn has_started(task: &Task) -> bool {
    task.phase == TaskPhase::Done || (task.launch.is_some() && !is_staging(task))
}

fn is_staging(task: &Task) -> bool {
    task.state == TaskState::Staging.as_str()
}

/// Where the latest start of a task is; nothing if it was never given to an agent.
pub(super) fn start_of(task: &Task) -> Result<Option<Start>, ApiError> {
    let (Some(agent), Some(launch)) = (&task.agent, &task.launch) else {
        return Ok(None);
    };
    let launch = launch
        .parse()
        .map_err(|error: insula_types::ids::NotOurs| {
            ApiError::internal("read a launch id", &error)
        })?;
    let agent = AgentId::from(agent.as_str());
    Ok(Some(Start { agent, launch }))
}

/// What a request is told that waits for a cell that is handed over to another replica.
pub(super) fn moved() -> ApiError {
    ApiError::new(
        ErrorCode::Unavailable,
        "the cell is served by another replica now; ask again",
    )
}

/// What a request is told that waits when the control plane stops.
pub(super) fn stops() -> ApiError {
    ApiError::new(
        ErrorCode::Unavailable,
        "the control plane stops; ask again once it is back",
    )
}
