//! Tasks and their descriptions, read back.

use bytes::Bytes;
use insula_types::record::TaskRow;
use insula_types::task::{AgentTimes, Exit, TaskTimes};
use insula_types::{
    FrameworkKey, LaunchId, Reason, Source, TaskId, TaskKey, TaskKind, TaskState, TaskStatus,
};

use crate::Error;
use crate::rows::{AnyRow, Columns};

pub(crate) fn decode(row: AnyRow<'_>) -> Result<TaskRow, Error> {
    let columns = Columns::of(super::TABLE.name, row)?;
    let task: TaskId = columns.id("task")?;
    let ack = match columns.number_opt("ack_seq")? {
        Some(seq) => Some((
            seq,
            columns.required("ack_uuid", columns.uuid_opt("ack_uuid")?)?,
        )),
        None => None,
    };
    Ok(TaskRow {
        launch: columns.launch()?,
        key: TaskKey {
            framework: FrameworkKey {
                tenant: columns.id("tenant")?,
                framework: columns.id("framework")?,
            },
            task: task.clone(),
        },
        name: columns.text("name")?,
        kind: columns.word("kind", TaskKind::from_name)?,
        user: columns.text("run_as")?,
        agent: columns.id("agent")?,
        role: columns.text("role")?,
        resources: columns.parsed("resources")?,
        status: status(&columns, task)?,
        last_uuid: columns.uuid_opt("last_uuid")?,
        launch_seq: columns.number("launch_seq")?,
        kill_seq: columns.number_opt("kill_seq")?,
        kill_grace: columns.span_opt("kill_grace_us")?,
        ack,
        archived: columns.flag("archived")?,
        attempt: columns.number("attempt")?,
        times: times(&columns)?,
        trace: columns.trace()?,
    })
}

fn status(columns: &Columns, task: TaskId) -> Result<TaskStatus, Error> {
    let code = columns.number_opt("exit_code")?.map(Exit::Code);
    let signal = columns.number_opt("exit_signal")?.map(Exit::Signal);
    Ok(TaskStatus {
        task,
        state: columns.word("state", TaskState::from_name)?,
        source: columns.word("source", Source::from_name)?,
        reason: columns.word_opt("reason", Reason::from_name)?,
        message: columns.text("message")?,
        agent: columns.id_opt("status_agent")?,
        executor: columns.id_opt("status_executor")?,
        at: columns.time("status_at_us")?,
        uuid: columns.uuid_opt("status_uuid")?,
        exit: code.or(signal),
        unreachable_since: columns.time_opt("unreachable_since_us")?,
        data: columns.bytes("data")?,
        extra: columns.bytes("extra")?,
        on_agent: AgentTimes::default(),
    })
}

fn times(columns: &Columns) -> Result<TaskTimes, Error> {
    Ok(TaskTimes {
        submitted: columns.time_opt("submitted_at_us")?,
        accepted: columns.time("accepted_at_us")?,
        started: columns.time_opt("started_at_us")?,
        ended: columns.time_opt("ended_at_us")?,
        acknowledged: columns.time_opt("acknowledged_at_us")?,
        on_agent: AgentTimes {
            received: columns.time_opt("agent_received_at_us")?,
            started: columns.time_opt("agent_started_at_us")?,
            ended: columns.time_opt("agent_ended_at_us")?,
        },
    })
}

pub(crate) fn decode_payload(row: AnyRow<'_>) -> Result<Bytes, Error> {
    Columns::of(super::PAYLOAD.name, row)?.bytes("payload")
}

/// A description with the launch that it is of.
pub(crate) fn decode_payload_of(row: AnyRow<'_>) -> Result<(LaunchId, Bytes), Error> {
    let columns = Columns::of(super::PAYLOAD.name, row)?;
    Ok((columns.launch()?, columns.bytes("payload")?))
}
