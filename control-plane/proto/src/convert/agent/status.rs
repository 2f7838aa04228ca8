//! Status updates as an agent sends them.

use insula_types::task::{AgentTimes, Exit};
use insula_types::{ExecutorId, Reason, Source, TaskState, TaskStatus, Time};

use super::AgentProtocolError as Error;
use super::ids::{bad_id, some_uuid_from_wire, task_from_wire, uuid_to_wire};
use crate::insula::agent::v1;
use crate::insula::agent::v1::exit::How;

/// Leaves out the agent, whom its gateway knows better.
pub(super) fn status_to_wire(status: TaskStatus) -> v1::Status {
    v1::Status {
        task_id: status.task.to_string(),
        state: status.state.number(),
        source: status.source.number(),
        reason: status.reason.map(Reason::number),
        message: status.message,
        at_micros: status.at.0,
        uuid: status.uuid.map(uuid_to_wire).unwrap_or_default(),
        exit: status.exit.map(exit_to_wire),
        executor_id: status.executor.map(|id| id.to_string()).unwrap_or_default(),
        data: status.data,
        extra: status.extra,
        on_agent: times_to_wire(status.on_agent),
    }
}

pub(super) fn status_from_wire(status: v1::Status) -> Result<TaskStatus, Error> {
    let executor = match status.executor_id.as_str() {
        "" => None,
        id => Some(ExecutorId::new(id).map_err(bad_id("executor id"))?),
    };
    let reason = status.reason.map(|number| {
        Reason::from_number(number).ok_or(Error::Number {
            what: "reason",
            number,
        })
    });
    Ok(TaskStatus {
        task: task_from_wire(&status.task_id)?,
        state: state_from_wire(status.state)?,
        source: Source::from_number(status.source).ok_or(Error::Number {
            what: "source",
            number: status.source,
        })?,
        reason: reason.transpose()?,
        message: status.message,
        agent: None,
        executor,
        at: Time(status.at_micros),
        uuid: some_uuid_from_wire(&status.uuid)?,
        exit: status.exit.map(exit_from_wire).transpose()?,
        unreachable_since: None,
        data: status.data,
        extra: status.extra,
        on_agent: times_from_wire(status.on_agent),
    })
}

/// Absent where nothing is known.
fn times_to_wire(times: AgentTimes) -> Option<v1::AgentTimes> {
    let wire = v1::AgentTimes {
        received_micros: times.received.map(|time| time.0),
        started_micros: times.started.map(|time| time.0),
        ended_micros: times.ended.map(|time| time.0),
    };
    (times != AgentTimes::default()).then_some(wire)
}

fn times_from_wire(wire: Option<v1::AgentTimes>) -> AgentTimes {
    let wire = wire.unwrap_or_default();
    AgentTimes {
        received: wire.received_micros.map(Time),
        started: wire.started_micros.map(Time),
        ended: wire.ended_micros.map(Time),
    }
}

pub(super) fn state_from_wire(number: i32) -> Result<TaskState, Error> {
    TaskState::from_number(number).ok_or(Error::Number {
        what: "task state",
        number,
    })
}

fn exit_to_wire(exit: Exit) -> v1::Exit {
    let how = match exit {
        Exit::Code(code) => How::Code(code),
        Exit::Signal(signal) => How::Signal(signal),
    };
    v1::Exit { how: Some(how) }
}

fn exit_from_wire(exit: v1::Exit) -> Result<Exit, Error> {
    match exit.how {
        Some(How::Code(code)) => Ok(Exit::Code(code)),
        Some(How::Signal(signal)) => Ok(Exit::Signal(signal)),
        None => Err(Error::Absent("exit code or signal")),
    }
}
