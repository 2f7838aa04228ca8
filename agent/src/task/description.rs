//! What a framework says about a task.

use insula_agent_core::LaunchPlan;
use insula_proto::convert::task::grace_period;
use insula_proto::mesos::v1::TaskInfo;
use insula_types::Span;
use insula_types::message::Launch;
use prost::Message as _;

/// Reads the description of a launch.
///
/// # Errors
/// A sentence, if it is none.
pub(crate) fn description(launch: &Launch) -> Result<TaskInfo, String> {
    TaskInfo::decode(launch.payload.clone())
        .map_err(|error| format!("the task description cannot be read: {error}"))
}

/// What the core decides on. A description that cannot be read fails when the task is started.
pub(crate) fn plan(launch: &Launch) -> LaunchPlan {
    let info = description(launch).unwrap_or_default();
    let mut plan = LaunchPlan::default();
    if let Some(grace) = grace_period(info.kill_policy.as_ref()) {
        plan.grace = grace;
    }
    plan.max_completion = info
        .max_completion_time
        .and_then(|time| u64::try_from(time.nanoseconds / 1000).ok())
        .map(Span);
    plan
}

/// What the description asks for that no task of this version can have, if anything. Ignoring it
/// would run something else than was asked for.
pub(crate) fn unsupported(info: &TaskInfo) -> Option<String> {
    let uris = info
        .command
        .as_ref()
        .is_some_and(|command| !command.uris.is_empty());
    let part = if info.executor.is_some() {
        "a custom executor"
    } else if info.container.is_some() {
        "a container"
    } else if info.health_check.is_some() || info.check.is_some() {
        "health checks"
    } else if uris {
        "files to fetch (command.uris)"
    } else {
        return None;
    };
    Some(format!(
        "the task asks for {part}, which this agent does not support yet"
    ))
}
