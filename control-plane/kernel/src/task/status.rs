//! Statuses that the kernel itself makes, and the face of a status that a framework sees.

use bytes::Bytes;
use insula_types::framework::Capabilities;
use insula_types::record::TaskRow;
use insula_types::{AgentId, Reason, Source, TaskId, TaskState, TaskStatus, Time};

/// A status by the control plane. It has no uuid: it is sent once and never acknowledged (rule R21).
pub(crate) fn by_master(
    task: TaskId,
    state: TaskState,
    reason: Reason,
    message: impl Into<String>,
    at: Time,
) -> TaskStatus {
    TaskStatus {
        reason: Some(reason),
        message: message.into(),
        ..TaskStatus::new(task, state, Source::Master, at)
    }
}

/// A status by the control plane about a task that it knows.
pub(crate) fn about(
    row: &TaskRow,
    state: TaskState,
    reason: Reason,
    message: impl Into<String>,
    at: Time,
) -> TaskStatus {
    TaskStatus {
        agent: Some(row.agent.clone()),
        executor: row.status.executor.clone(),
        ..by_master(row.key.task.clone(), state, reason, message, at)
    }
}

/// The answer to a reconciliation about a task that is known.
pub(crate) fn reconciled(row: &TaskRow, at: Time) -> TaskStatus {
    let state = row.status.state;
    let message = match state {
        TaskState::Unreachable => "Reconciliation: Task is unreachable",
        _ => "Reconciliation: Latest task state",
    };
    TaskStatus {
        unreachable_since: row.status.unreachable_since,
        extra: row.status.extra.clone(),
        data: Bytes::new(),
        ..about(row, state, Reason::Reconciliation, message, at)
    }
}

/// The answer to a reconciliation about a task that is not known.
pub(crate) fn unknown(
    task: TaskId,
    agent: Option<AgentId>,
    state: TaskState,
    since: Option<Time>,
    at: Time,
) -> TaskStatus {
    let message = match state {
        TaskState::Gone => "Reconciliation: Task is unknown to the agent",
        TaskState::Unreachable => "Reconciliation: Task is unreachable",
        _ => "Reconciliation: Task is unknown",
    };
    TaskStatus {
        agent,
        unreachable_since: since,
        ..by_master(task, state, Reason::Reconciliation, message, at)
    }
}

/// The status as a framework with these capabilities understands it.
pub(crate) fn face(mut status: TaskStatus, capabilities: Capabilities) -> TaskStatus {
    if !capabilities.partition_aware {
        status.state = status.state.for_partition_unaware();
    }
    if status.state == TaskState::Killing && !capabilities.task_killing_state {
        status.state = TaskState::Running;
    }
    status
}
