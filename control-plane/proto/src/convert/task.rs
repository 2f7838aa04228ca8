//! Tasks to launch.

use insula_types::ids::IdError;
use insula_types::resources::{Millis, Scalar};
use insula_types::{Resources, Span, TaskId, TaskKind};

use super::command::{self, EnvironmentError};
use super::executor::{self, Executor, ExecutorError};
use super::resources::{self, ResourceError};
use crate::mesos::v1::{CommandInfo, DurationInfo, Environment, KillPolicy, TaskInfo, WasmInfo};

/// Why a task is not accepted: the message of its `TASK_ERROR`. The sentences are those of Mesos
/// where Mesos has one.
///
/// Source: `task::validate` in `src/master/validation.cpp` of Mesos 1.11, without the parts that
/// need the agent or the framework.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TaskError {
    /// The id is none.
    #[error(transparent)]
    Id(#[from] IdError),
    /// The grace period runs backwards.
    #[error("Task's 'kill_policy.grace_period' must be non-negative")]
    GracePeriod,
    /// The time to complete in runs backwards.
    #[error("Task's `max_completion_time` must be non-negative")]
    MaxCompletionTime,
    /// The list of resources is empty.
    #[error("Task uses no resources")]
    NoResources,
    /// A resource is not accepted.
    #[error("Task uses invalid resources: Invalid resources: {0}")]
    Resources(ResourceError),
    /// A part of a device is asked for.
    #[error(
        "Task uses invalid resources: Invalid 'gpus' resource: The 'gpus' resource must be an unsigned integer"
    )]
    Gpus,
    /// Resources of two offers to different roles are mixed.
    #[error(
        "Invalid task resources: The resources have multiple allocation roles ('{0}' and '{1}') but only one allocation role is allowed"
    )]
    Roles(String, String),
    /// The environment is not accepted.
    #[error("Task's `CommandInfo` is invalid: {0}")]
    Environment(EnvironmentError),
    /// A limit is set on a resource that has none.
    #[error("Only cpus and mem may be included in a task's resource limits")]
    LimitName,
    /// A limit is set on a resource that the task does not use.
    #[error("When a {long} limit is specified, a {long} request must also be specified")]
    LimitWithoutRequest {
        /// `CPU` or `memory`.
        long: &'static str,
    },
    /// A limit is below what the task is promised.
    #[error("The {short} limit must be greater than or equal to the {short} request")]
    LimitBelowRequest {
        /// `cpu` or `memory`.
        short: &'static str,
    },
    /// It is not said what to run, or it is said twice.
    #[error("Task should have at least one (but not both) of CommandInfo or ExecutorInfo present")]
    CommandOrExecutor,
    /// A module is to run, and something else as well.
    #[error("Task should have only WasmInfo present, without CommandInfo or ExecutorInfo")]
    WasmAndMore,
    /// The executor is not accepted.
    #[error(transparent)]
    Executor(#[from] ExecutorError),
    /// Task and executor ask for the same ports or items.
    #[error(
        "There are overlapping resources in the task resources {task} and executor resources {executor}"
    )]
    Overlapping {
        /// What the task uses.
        task: Box<Resources>,
        /// What its executor uses.
        executor: Box<Resources>,
    },
    /// The module is not named by its content.
    #[error(
        "Task's `WasmInfo` is invalid: module '{0}' is not of the form sha256:<64 lowercase hexadecimal digits>"
    )]
    Module(String),
    /// The module's environment is not accepted.
    #[error("Task's `WasmInfo` is invalid: {0}")]
    WasmEnvironment(EnvironmentError),
    /// The module's time limit is no length of time.
    #[error("Task's `WasmInfo` is invalid: 'wall_seconds' must be a number above zero")]
    WallSeconds,
}

/// What the kernel needs to know of a task beside its id, name and agent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Description {
    /// Its id.
    pub id: TaskId,
    /// How it runs.
    pub kind: TaskKind,
    /// What it uses itself, without its executor.
    pub resources: Resources,
    /// The user to run as, the executor's if it has one; empty if none is named.
    pub user: String,
    /// The executor it brings with it, if it does.
    pub executor: Option<Executor>,
}

/// Reads a task, as far as it can be judged without its agent and framework.
///
/// # Errors
/// [`TaskError`] with the first rule that is broken, in the order of Mesos.
pub fn from_wire(info: &TaskInfo) -> Result<Description, TaskError> {
    let id = TaskId::new(&info.task_id.value)?;
    if info
        .kill_policy
        .and_then(|policy| policy.grace_period)
        .is_some_and(is_negative)
    {
        return Err(TaskError::GracePeriod);
    }
    if info.max_completion_time.is_some_and(is_negative) {
        return Err(TaskError::MaxCompletionTime);
    }
    let resources = task_resources(info)?;
    if let Some(environment) = info.command.as_ref().and_then(|it| it.environment.as_ref()) {
        command::check_environment(environment).map_err(TaskError::Environment)?;
    }
    check_limits(info, &resources)?;
    let (kind, user, executor) = what_to_run(info, &resources)?;
    Ok(Description {
        id,
        kind,
        resources,
        user,
        executor,
    })
}

/// The time that a kill policy grants a task to end by itself; nothing if it does not say. A negative
/// time is none.
#[must_use]
pub fn grace_period(policy: Option<&KillPolicy>) -> Option<Span> {
    let grace = policy?.grace_period?;
    Some(Span(u64::try_from(grace.nanoseconds / 1000).unwrap_or(0)))
}

/// Whether a text names a module by its content: `sha256:` and 64 lowercase hexadecimal digits.
#[must_use]
pub fn is_module_digest(text: &str) -> bool {
    let is_digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    text.strip_prefix("sha256:")
        .is_some_and(|hex| hex.len() == 64 && hex.bytes().all(is_digit))
}

fn is_negative(duration: DurationInfo) -> bool {
    duration.nanoseconds < 0
}

fn task_resources(info: &TaskInfo) -> Result<Resources, TaskError> {
    if info.resources.is_empty() {
        return Err(TaskError::NoResources);
    }
    let resources = resources::from_wire(&info.resources).map_err(TaskError::Resources)?;
    if resources.get(Scalar::Gpus) % 1000 != 0 {
        return Err(TaskError::Gpus);
    }
    // A resource without a role is allocated to the role of its offer.
    let allocations = info
        .resources
        .iter()
        .filter_map(|entry| entry.allocation_info.as_ref());
    let mut roles = allocations.filter_map(|allocation| allocation.role.as_ref());
    if let Some(first) = roles.next()
        && let Some(other) = roles.find(|role| *role != first)
    {
        return Err(TaskError::Roles(other.clone(), first.clone()));
    }
    Ok(resources)
}

fn check_limits(info: &TaskInfo, resources: &Resources) -> Result<(), TaskError> {
    if info
        .limits
        .keys()
        .any(|name| name != "cpus" && name != "mem")
    {
        return Err(TaskError::LimitName);
    }
    check_limit(info, resources.get(Scalar::Cpus), "cpus", "CPU", "cpu")?;
    check_limit(info, resources.get(Scalar::Mem), "mem", "memory", "memory")
}

fn check_limit(
    info: &TaskInfo,
    request: Millis,
    name: &str,
    long: &'static str,
    short: &'static str,
) -> Result<(), TaskError> {
    let Some(limit) = info.limits.get(name) else {
        return Ok(());
    };
    if request == 0 {
        return Err(TaskError::LimitWithoutRequest { long });
    }
    // Said this way round, it refuses what is not a number as well.
    if limit.value >= resources::scalar_to_wire(request) {
        return Ok(());
    }
    Err(TaskError::LimitBelowRequest { short })
}

fn what_to_run(
    info: &TaskInfo,
    resources: &Resources,
) -> Result<(TaskKind, String, Option<Executor>), TaskError> {
    match (&info.wasm, &info.command, &info.executor) {
        (Some(wasm), None, None) => {
            check_wasm(wasm)?;
            Ok((TaskKind::Wasm, String::new(), None))
        }
        (Some(_), _, _) => Err(TaskError::WasmAndMore),
        (None, Some(command), None) => Ok((TaskKind::Native, user(command), None)),
        (None, None, Some(info)) => {
            let executor = executor::from_wire(info)?;
            check_overlap(resources, &executor.resources)?;
            Ok((TaskKind::Native, executor.user.clone(), Some(executor)))
        }
        (None, Some(_), Some(_)) | (None, None, None) => Err(TaskError::CommandOrExecutor),
    }
}

fn user(command: &CommandInfo) -> String {
    command.user().to_owned()
}

fn check_wasm(wasm: &WasmInfo) -> Result<(), TaskError> {
    if !is_module_digest(&wasm.module) {
        return Err(TaskError::Module(wasm.module.clone()));
    }
    let environment: Option<&Environment> = wasm.environment.as_ref();
    environment
        .map_or(Ok(()), command::check_environment)
        .map_err(TaskError::WasmEnvironment)?;
    if wasm
        .wall_seconds
        .is_some_and(|seconds| !(seconds > 0.0 && seconds.is_finite()))
    {
        return Err(TaskError::WallSeconds);
    }
    Ok(())
}

/// Scalars add up; the same port or item cannot be used twice.
fn check_overlap(task: &Resources, executor: &Resources) -> Result<(), TaskError> {
    let both = Resources::sum([task, executor]);
    let count = |resources: &Resources| {
        let ranges = resources
            .ranges()
            .values()
            .map(|ranges| u128::from(ranges.len()));
        let sets = resources.sets().values().map(|items| items.len() as u128);
        ranges.chain(sets).sum::<u128>()
    };
    if count(&both) == count(task) + count(executor) {
        return Ok(());
    }
    Err(TaskError::Overlapping {
        task: Box::new(task.clone()),
        executor: Box::new(executor.clone()),
    })
}

#[cfg(test)]
mod tests;
