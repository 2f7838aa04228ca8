//! LAUNCH: a task's description in the kernel's words.

use insula_kernel::input::LaunchTask;
use insula_proto::convert::task::{self, Description, TaskError};
use insula_proto::mesos::v1::TaskInfo;
use insula_proto::mesos::v1::environment::variable;
use insula_types::{AgentId, Resources, TaskId, TaskKind, TraceContext};
use prost::Message as _;

/// Why a task is not started: the message of its `TASK_ERROR`.
#[derive(Debug, thiserror::Error)]
enum Fault {
    #[error(transparent)]
    Description(#[from] TaskError),
    #[error("Task's `CommandInfo` is invalid: 'value' must be set")]
    NoCommand,
    #[error("{0}")]
    Unsupported(&'static str),
}

/// Reads a task. One that is described wrongly, or with what is not supported, goes on with the
/// sentence that its framework gets as `TASK_ERROR`.
///
/// `has_operation_id` is whether the framework asked for the outcome of the operation; `trace` is the
/// context of the task's own first span.
pub(super) fn task(info: &TaskInfo, has_operation_id: bool, trace: TraceContext) -> LaunchTask {
    let read = task::from_wire(info)
        .map_err(Fault::from)
        .and_then(|description| check(info, has_operation_id).map(|()| description));
    let (description, invalid) = match read {
        Ok(description) => (description, None),
        Err(fault) => (nothing(info), Some(fault.to_string())),
    };
    LaunchTask {
        task: description.id,
        name: info.name.clone(),
        agent: AgentId::from(info.agent_id.value.as_str()),
        kind: description.kind,
        resources: description.resources,
        user: description.user,
        executor: description.executor.map(|executor| executor.id),
        payload: info.encode_to_vec().into(),
        invalid,
        trace,
    }
}

/// What stands for a task that will not start; only its id is of interest, whatever it is.
fn nothing(info: &TaskInfo) -> Description {
    Description {
        id: TaskId::from(info.task_id.value.as_str()),
        kind: TaskKind::Native,
        resources: Resources::new(),
        user: String::new(),
        executor: None,
    }
}

fn check(info: &TaskInfo, has_operation_id: bool) -> Result<(), Fault> {
    if let Some(sentence) = unsupported(info, has_operation_id) {
        return Err(Fault::Unsupported(sentence));
    }
    let command = info.command.as_ref();
    if command.is_some_and(|command| command.value().is_empty()) {
        return Err(Fault::NoCommand);
    }
    Ok(())
}

/// What is asked for and not done yet. To start the task without it would be to lie.
fn unsupported(info: &TaskInfo, has_operation_id: bool) -> Option<&'static str> {
    let has = [
        (
            has_operation_id,
            "Operation ids are not supported on LAUNCH; tasks are followed by their status updates",
        ),
        (
            info.executor.is_some(),
            "Custom executors are not supported yet; describe the task with 'command' instead",
        ),
        (
            info.container.is_some(),
            "Containers are not supported yet; leave 'container' out and use what the agent has",
        ),
        (
            info.command.as_ref().is_some_and(|it| !it.uris.is_empty()),
            "Fetching 'command.uris' is not supported yet; let the command fetch what it needs",
        ),
        (
            secrets(info),
            "Secrets in the environment are not supported yet; use variables with a value",
        ),
        (
            info.health_check.is_some() || info.check.is_some(),
            "Checks are not supported yet; leave 'health_check' and 'check' out",
        ),
        (
            !info.limits.is_empty(),
            "Limits above the resources of a task are not supported yet; ask for more resources",
        ),
    ];
    has.iter()
        .find(|(has, _)| *has)
        .map(|(_, sentence)| *sentence)
}

fn secrets(info: &TaskInfo) -> bool {
    let of_command = info.command.as_ref().and_then(|it| it.environment.as_ref());
    let of_module = info.wasm.as_ref().and_then(|it| it.environment.as_ref());
    let mut variables = [of_command, of_module]
        .into_iter()
        .flatten()
        .flat_map(|environment| &environment.variables);
    variables.any(|variable| variable.r#type() == variable::Type::Secret)
}

#[cfg(test)]
mod tests;
