//! Who this task is.

use std::path::PathBuf;
use std::{env, error, fmt};

/// What the agent says about the task that this program runs as.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Task {
    /// The id that the framework gave it; another task may have had it before.
    pub id: String,
    /// Names this start and no other, ever: what to write into a lock or a result that must not be
    /// mixed up with that of an earlier try.
    pub launch_id: String,
    /// The framework that launched it.
    pub framework_id: String,
    /// Its own directory, the only one that a Wasm task sees. Removed some time after the task.
    pub sandbox: PathBuf,
    /// The trace that it belongs to, if it was launched within one.
    pub trace: Option<TraceContext>,
}

/// W3C trace context, to be handed on unchanged to whatever the task calls.
///
/// Source: W3C Recommendation "Trace Context", sections 3.2 and 3.3.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TraceContext {
    /// The header `traceparent`.
    pub traceparent: String,
    /// The header `tracestate`; empty if there is none.
    pub tracestate: String,
}

/// This program was not started as a task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotATask {
    /// The variable that an agent would have set.
    pub missing: &'static str,
}

impl fmt::Display for NotATask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "this program was not started by an Insula agent: {} is not set",
            self.missing
        )
    }
}

impl error::Error for NotATask {}

impl Task {
    /// Reads the environment of this process.
    ///
    /// # Errors
    /// [`NotATask`] if a variable that every agent sets is missing.
    pub fn current() -> Result<Self, NotATask> {
        Self::from_variables(|name| env::var(name).ok())
    }

    /// As [`Task::current`], from any source of variables.
    ///
    /// # Errors
    /// [`NotATask`] if `variable` has no value for a name that every agent sets.
    pub fn from_variables(variable: impl Fn(&str) -> Option<String>) -> Result<Self, NotATask> {
        let required = |missing| variable(missing).ok_or(NotATask { missing });
        Ok(Self {
            id: required("INSULA_TASK_ID")?,
            launch_id: required("INSULA_LAUNCH_ID")?,
            framework_id: required("INSULA_FRAMEWORK_ID")?,
            sandbox: required("INSULA_SANDBOX")?.into(),
            trace: variable("TRACEPARENT").map(|traceparent| TraceContext {
                traceparent,
                tracestate: variable("TRACESTATE").unwrap_or_default(),
            }),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const VARIABLES: &[(&str, &str)] = &[
        ("INSULA_TASK_ID", "count-1"),
        ("INSULA_LAUNCH_ID", "7-42"),
        ("INSULA_FRAMEWORK_ID", "f"),
        ("INSULA_SANDBOX", "/"),
        (
            "TRACEPARENT",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        ),
    ];

    fn task(without: &str) -> Result<Task, NotATask> {
        Task::from_variables(|name| {
            let found = VARIABLES
                .iter()
                .find(|(known, _)| *known == name && name != without);
            found.map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn a_task_is_read_from_its_variables() {
        let task = task("").unwrap();
        assert_eq!(
            (task.id.as_str(), task.launch_id.as_str()),
            ("count-1", "7-42")
        );
        assert_eq!(task.sandbox, PathBuf::from("/"));
        assert_eq!(task.trace.unwrap().tracestate, "");
    }

    #[test]
    fn without_a_trace_there_is_none() {
        assert_eq!(task("TRACEPARENT").unwrap().trace, None);
    }

    #[test]
    fn a_program_outside_of_insula_is_told_what_is_missing() {
        let error = task("INSULA_LAUNCH_ID").unwrap_err();
        assert_eq!(
            error.to_string(),
            "this program was not started by an Insula agent: INSULA_LAUNCH_ID is not set"
        );
    }
}
