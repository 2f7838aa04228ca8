//! Between the wire's messages and the executor's own values.

use std::env;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use insula_proto::insula::wasm::v1::{Launch, Reason, TaskState, Timings, Trace, Update};

use crate::run::{End, Ended, Task};

/// Output that a task may write when its launch names no limit.
const OUTPUT_LIMIT: u64 = 64 << 20;

/// The longest sentence of an update, in characters.
const MESSAGE_CHARS: usize = 1_000;

/// The task and the artifact of a launch.
///
/// # Errors
/// A sentence for the task's owner when the launch makes no sense.
pub(crate) fn launch(launch: Launch) -> Result<(Task, PathBuf), String> {
    if launch.memory_limit == 0 {
        return Err("the launch has no memory limit; give the task resources `mem`".to_owned());
    }
    let sandbox = absolute(launch.sandbox, "sandbox")?;
    let artifact = absolute(launch.artifact, "artifact")?;
    let stdin = match launch.stdin {
        path if path.is_empty() => None,
        path => Some(absolute(path, "stdin")?),
    };
    let mut environment: Vec<_> = launch
        .environment
        .into_iter()
        .map(|variable| (variable.name, variable.value))
        .collect();
    for (name, value) in [
        ("TRACEPARENT", launch.traceparent),
        ("TRACESTATE", launch.tracestate),
    ] {
        if !value.is_empty() {
            environment.retain(|(existing, _)| existing != name);
            environment.push((name.to_owned(), value));
        }
    }
    let task = Task {
        name: launch.name,
        args: launch.args,
        environment,
        sandbox,
        stdin,
        memory_limit: launch.memory_limit,
        wall: (launch.wall_ms > 0).then(|| Duration::from_millis(launch.wall_ms)),
        output_limit: if launch.output_limit > 0 {
            launch.output_limit
        } else {
            OUTPUT_LIMIT
        },
    };
    Ok((task, artifact))
}

/// A trace context, unless there is none.
pub(crate) fn trace(traceparent: &str, tracestate: &str) -> Option<Trace> {
    (!traceparent.is_empty()).then(|| Trace {
        traceparent: traceparent.to_owned(),
        tracestate: tracestate.to_owned(),
    })
}

/// The trace that this process was started in.
pub(crate) fn trace_of_environment() -> Option<Trace> {
    let variable = |name| env::var(name).unwrap_or_default();
    trace(&variable("TRACEPARENT"), &variable("TRACESTATE"))
}

fn absolute(path: String, what: &str) -> Result<PathBuf, String> {
    if Path::new(&path).is_absolute() {
        return Ok(path.into());
    }
    Err(format!(
        "the launch's {what} `{path}` is not an absolute path"
    ))
}

/// The launch waits for a slot.
pub(crate) fn queued(launch_id: &str) -> Update {
    update(launch_id, TaskState::Queued)
}

/// The guest runs.
pub(crate) fn running(launch_id: &str) -> Update {
    update(launch_id, TaskState::Running)
}

/// The task ended, after it waited `waited` for its start.
pub(crate) fn ended(launch_id: &str, ended: Ended, waited: Duration) -> Update {
    let (state, reason, exit_code) = match ended.end {
        End::Exit(0) => (TaskState::Finished, Reason::Exit, Some(0)),
        End::Exit(code) => (TaskState::Failed, Reason::Exit, Some(code)),
        End::Trap => (TaskState::Failed, Reason::Trap, None),
        End::MemoryLimit(code) => (TaskState::Failed, Reason::MemoryLimit, code),
        End::WallTime => (TaskState::Failed, Reason::WallTime, None),
        End::StartFailed => (TaskState::Failed, Reason::StartFailed, None),
        End::Killed => (TaskState::Killed, Reason::Killed, None),
    };
    Update {
        reason: reason.into(),
        exit_code,
        message: ended.message.chars().take(MESSAGE_CHARS).collect(),
        backtrace: ended.backtrace,
        timings: Some(Timings {
            queued: micros(waited),
            instantiate: micros(ended.instantiate),
            run: micros(ended.run),
        }),
        peak_memory: ended.peak_memory,
        ..update(launch_id, state)
    }
}

/// The launch was not accepted and is not remembered.
pub(crate) fn refused(launch_id: &str, message: String) -> Update {
    ended(
        launch_id,
        Ended::before_start(End::StartFailed, message),
        Duration::ZERO,
    )
}

/// A kill came for a launch that is not here.
pub(crate) fn unknown(launch_id: &str) -> Update {
    Update {
        reason: Reason::UnknownLaunch.into(),
        message:
            "the executor does not hold this launch: it never came, or its end is acknowledged"
                .to_owned(),
        ..update(launch_id, TaskState::Killed)
    }
}

fn update(launch_id: &str, state: TaskState) -> Update {
    let now = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default();
    Update {
        launch_id: launch_id.to_owned(),
        state: state.into(),
        at_unix_us: i64::try_from(now.as_micros()).unwrap_or(i64::MAX),
        ..Update::default()
    }
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::time::Duration;

    use insula_proto::insula::wasm::v1::{EnvironmentVariable, Launch};

    use super::launch;

    fn valid() -> Launch {
        Launch {
            sandbox: "/sandbox".to_owned(),
            artifact: "/cache/a.cwasm".to_owned(),
            memory_limit: 1 << 20,
            ..Launch::default()
        }
    }

    #[test]
    fn zero_means_the_default_or_none() {
        let (task, _) = launch(valid()).unwrap();
        assert_eq!(task.wall, None);
        assert_eq!(task.output_limit, 64 << 20);
        assert_eq!(task.stdin, None);
        let (task, _) = launch(Launch {
            wall_ms: 20,
            ..valid()
        })
        .unwrap();
        assert_eq!(task.wall, Some(Duration::from_millis(20)));
    }

    #[test]
    fn nonsense_is_refused_with_its_reason() {
        let unlimited = launch(Launch {
            memory_limit: 0,
            ..valid()
        })
        .unwrap_err();
        assert!(unlimited.contains("no memory limit"), "{unlimited}");
        let relative = launch(Launch {
            sandbox: "here".to_owned(),
            ..valid()
        })
        .unwrap_err();
        assert!(relative.contains("sandbox `here`"), "{relative}");
    }

    #[test]
    fn the_launchs_trace_replaces_that_of_the_environment() {
        let given = EnvironmentVariable {
            name: "TRACEPARENT".to_owned(),
            value: "old".to_owned(),
        };
        let (task, _) = launch(Launch {
            environment: vec![given],
            traceparent: "new".to_owned(),
            ..valid()
        })
        .unwrap();
        assert_eq!(
            task.environment,
            [("TRACEPARENT".to_owned(), "new".to_owned())]
        );
    }
}
