//! Rows as the API shows them.

use insula_proto::rest::{Task, TaskPhase, Times};
use insula_types::TaskState;
use insula_types::framework::BUILT_IN;
use insula_types::record::{RequestRow, TaskRow};

use super::lookup::Found;

/// What is said of a request that was taken back before it was started.
pub(super) const WITHDRAWN: &str = "taken back before it was started";

/// A task, from whatever is known of it.
pub(super) fn found(found: &Found) -> Option<Task> {
    match (found.current(), &found.request) {
        (Some(row), _) => Some(started(row)),
        (None, Some(request)) => Some(waiting(request)),
        (None, None) => None,
    }
}

/// A request that waits to be started, for the first time or again, or that was taken back while it
/// did.
pub(super) fn waiting(row: &RequestRow) -> Task {
    let request = &row.request;
    let (phase, state, message) = match row.withdrawn_at {
        None => (TaskPhase::Waiting, TaskState::Staging, ""),
        Some(_) => (TaskPhase::Done, TaskState::Killed, WITHDRAWN),
    };
    Task {
        id: request.task.to_string(),
        name: request.name.clone(),
        framework: BUILT_IN.to_owned(),
        kind: request.kind.as_str().to_owned(),
        phase,
        state: state.as_str().to_owned(),
        reason: None,
        message: message.to_owned(),
        exit: None,
        agent: None,
        resources: request.resources.to_string(),
        role: "*".to_owned(),
        launch: None,
        attempt: row.attempts,
        times: Times {
            submitted: row.submitted_at.0,
            ended: row.withdrawn_at.map(|time| time.0),
            ..Times::default()
        },
        trace_id: request.trace.trace_id_text(),
    }
}

/// A start of a task.
pub(super) fn started(row: &TaskRow) -> Task {
    let status = &row.status;
    let accepted = row.times.accepted.0;
    Task {
        id: row.key.task.to_string(),
        name: row.name.clone(),
        framework: row.key.framework.framework.to_string(),
        kind: row.kind.as_str().to_owned(),
        phase: phase(status.state),
        state: status.state.as_str().to_owned(),
        reason: status.reason.map(|reason| reason.as_str().to_owned()),
        message: status.message.clone(),
        exit: status.exit,
        agent: Some(row.agent.to_string()),
        resources: row.resources.to_string(),
        role: row.role.clone(),
        launch: Some(row.launch.to_string()),
        attempt: row.attempt,
        times: Times {
            submitted: row.times.submitted.map_or(accepted, |time| time.0),
            launched: Some(accepted),
            started: row.times.started.map(|time| time.0),
            ended: row.times.ended.map(|time| time.0),
        },
        trace_id: row.trace.trace_id_text(),
    }
}

fn phase(state: TaskState) -> TaskPhase {
    match state {
        TaskState::Unreachable => TaskPhase::Unreachable,
        state if state.is_terminal() => TaskPhase::Done,
        _ => TaskPhase::Active,
    }
}
