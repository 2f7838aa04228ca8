//! Executors that tasks bring with them.

use insula_types::ids::IdError;
use insula_types::{ExecutorId, Resources};

use super::command::{self, EnvironmentError};
use super::resources::{self, ResourceError};
use crate::mesos::v1::ExecutorInfo;
use crate::mesos::v1::executor_info::Type;

/// Why an executor is not accepted. The sentences are those of Mesos.
///
/// Source: `executor::validate` and `task::internal::validateExecutor` in
/// `src/master/validation.cpp` of Mesos 1.11.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ExecutorError {
    /// The executor that is part of the agent has a command nevertheless.
    #[error("'ExecutorInfo.command' must not be set for 'DEFAULT' executor")]
    DefaultWithCommand,
    /// An executor of the framework's own has no command.
    #[error("'ExecutorInfo.command' must be set for 'CUSTOM' executor")]
    CustomWithoutCommand,
    /// The id is none.
    #[error(transparent)]
    Id(#[from] IdError),
    /// The grace period runs backwards.
    #[error("ExecutorInfo's 'shutdown_grace_period' must be non-negative")]
    GracePeriod,
    /// The environment is not accepted.
    #[error("Executor's `CommandInfo` is invalid: {0}")]
    Environment(EnvironmentError),
    /// The resources are not accepted.
    #[error("Executor uses invalid resources: Invalid resources: {0}")]
    Resources(ResourceError),
    /// A single task cannot run on the executor that is part of the agent.
    #[error("'ExecutorInfo.type' must be 'CUSTOM'")]
    NotCustom,
    /// There is nothing to start.
    #[error("'ExecutorInfo.command' must be set")]
    NoCommand,
}

/// What the kernel needs to know of an executor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Executor {
    /// Its id, unique on an agent.
    pub id: ExecutorId,
    /// What it uses beside its tasks, once on each agent.
    pub resources: Resources,
    /// The user to run as; empty if it names none.
    pub user: String,
}

/// Reads the executor of a single task.
///
/// # Errors
/// [`ExecutorError`], for the first thing that is wrong.
pub fn from_wire(info: &ExecutorInfo) -> Result<Executor, ExecutorError> {
    let r#type = info.r#type();
    match (r#type, &info.command) {
        (Type::Default, Some(_)) => return Err(ExecutorError::DefaultWithCommand),
        (Type::Custom, None) => return Err(ExecutorError::CustomWithoutCommand),
        _ => {}
    }
    let id = ExecutorId::new(&info.executor_id.value)?;
    if info
        .shutdown_grace_period
        .is_some_and(|grace| grace.nanoseconds < 0)
    {
        return Err(ExecutorError::GracePeriod);
    }
    if let Some(environment) = info.command.as_ref().and_then(|it| it.environment.as_ref()) {
        command::check_environment(environment).map_err(ExecutorError::Environment)?;
    }
    let resources = resources::from_wire(&info.resources).map_err(ExecutorError::Resources)?;
    if r#type == Type::Default {
        return Err(ExecutorError::NotCustom);
    }
    let command = info.command.as_ref().ok_or(ExecutorError::NoCommand)?;
    Ok(Executor {
        id,
        resources,
        user: command.user().to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode_json;

    fn read(fields: &str) -> Result<Executor, String> {
        let json = format!(r#"{{"executor_id":{{"value":"e"}}{fields}}}"#);
        from_wire(&decode_json(json.as_bytes()).unwrap()).map_err(|error| error.to_string())
    }

    #[test]
    fn an_executor_has_a_command_and_resources() {
        let executor = read(
            r#","command":{"value":"./run","user":"bob"},
            "resources":[{"name":"cpus","type":"SCALAR","scalar":{"value":0.1}}]"#,
        )
        .unwrap();
        assert_eq!((executor.id, &*executor.user), ("e".into(), "bob"));
        assert_eq!(executor.resources.to_string(), "cpus:0.1");
    }

    #[test]
    fn each_fault_has_its_sentence() {
        for (fields, sentence) in [
            (
                r#","type":"DEFAULT","command":{}"#,
                "'ExecutorInfo.command' must not be set for 'DEFAULT' executor",
            ),
            (
                r#","type":"CUSTOM""#,
                "'ExecutorInfo.command' must be set for 'CUSTOM' executor",
            ),
            (
                r#","type":"DEFAULT""#,
                "'ExecutorInfo.type' must be 'CUSTOM'",
            ),
            ("", "'ExecutorInfo.command' must be set"),
            (
                r#","command":{},"shutdown_grace_period":{"nanoseconds":-1}"#,
                "ExecutorInfo's 'shutdown_grace_period' must be non-negative",
            ),
            (
                r#","command":{"environment":{"variables":[{"name":"A"}]}}"#,
                "Executor's `CommandInfo` is invalid: \
                 Environment variable 'A' of type 'VALUE' must have a value set",
            ),
            (
                r#","command":{},"resources":[{"name":"x","type":"TEXT"}]"#,
                "Executor uses invalid resources: Invalid resources: \
                 Resource 'x' is invalid: Unsupported resource type",
            ),
        ] {
            assert_eq!(read(fields), Err(sentence.to_owned()), "{fields}");
        }
    }
}
