//! Tasks and their descriptions, written.

use bytes::Bytes;
use insula_types::record::TaskRow;
use insula_types::task::Exit;
use insula_types::{CellId, FORMAT_VERSION, LaunchId};
use sqlx::SqliteConnection;

use crate::Error;
use crate::sqlite::values::{Statement, Values};

// What a launch was accepted with is not among what an update sets: it never changes, and leaving it
// alone spares the index that stands on it.
const UPSERT: Statement = Statement {
    table: "task",
    head: "INSERT INTO task (
               cell, launch_epoch, launch_number, tenant, framework, task, name, kind, run_as,
               agent, role, resources, state, terminal, source, reason, message, status_agent, status_executor,
               status_at_us, status_uuid, exit_code, exit_signal, unreachable_since_us, data, extra,
               last_uuid, launch_seq, kill_seq, kill_grace_us, ack_seq, ack_uuid, archived, attempt,
               submitted_at_us, accepted_at_us, started_at_us, ended_at_us, traceparent, tracestate,
               format_version
           ) VALUES",
    columns: 41,
    tail: "ON CONFLICT (cell, launch_epoch, launch_number) DO UPDATE SET
               resources = excluded.resources,
               state = excluded.state,
               terminal = excluded.terminal,
               source = excluded.source,
               reason = excluded.reason,
               message = excluded.message,
               status_agent = excluded.status_agent,
               status_executor = excluded.status_executor,
               status_at_us = excluded.status_at_us,
               status_uuid = excluded.status_uuid,
               exit_code = excluded.exit_code,
               exit_signal = excluded.exit_signal,
               unreachable_since_us = excluded.unreachable_since_us,
               data = excluded.data,
               extra = excluded.extra,
               last_uuid = excluded.last_uuid,
               kill_seq = excluded.kill_seq,
               kill_grace_us = excluded.kill_grace_us,
               ack_seq = excluded.ack_seq,
               ack_uuid = excluded.ack_uuid,
               archived = excluded.archived,
               started_at_us = excluded.started_at_us,
               ended_at_us = excluded.ended_at_us,
               format_version = excluded.format_version",
};

pub(in crate::sqlite) async fn upsert(
    connection: &mut SqliteConnection,
    cell: &CellId,
    rows: &[&TaskRow],
) -> Result<(), Error> {
    let bind =
        |values: Values, row: &&TaskRow| delivery(status(accepted(values, cell, row), row), row);
    UPSERT.execute(connection, rows, bind).await?;
    Ok(())
}

fn accepted(values: Values, cell: &CellId, row: &TaskRow) -> Values {
    values
        .text(cell.as_str())
        .number(row.launch.epoch.0)
        .number(row.launch.number)
        .text(row.key.framework.tenant.as_str())
        .text(row.key.framework.framework.as_str())
        .text(row.key.task.as_str())
        .text(&row.name)
        .text(row.kind.as_str())
        .text(&row.user)
        .text(row.agent.as_str())
        .text(&row.role)
        .text(&row.resources.to_string())
}

fn status(values: Values, row: &TaskRow) -> Values {
    let status = &row.status;
    let (code, signal) = match status.exit {
        Some(Exit::Code(code)) => (Some(code), None),
        Some(Exit::Signal(signal)) => (None, Some(signal)),
        None => (None, None),
    };
    values
        .text(status.state.as_str())
        .flag(status.state.is_terminal())
        .text(status.source.as_str())
        .text_opt(status.reason.map(|reason| reason.as_str()))
        .text(&status.message)
        .text_opt(status.agent.as_ref().map(|agent| agent.as_str()))
        .text_opt(status.executor.as_ref().map(|executor| executor.as_str()))
        .time(status.at)
        .uuid_opt(status.uuid)
        .signed_opt(code)
        .signed_opt(signal)
        .time_opt(status.unreachable_since)
        .bytes(&status.data)
        .bytes(&status.extra)
}

fn delivery(values: Values, row: &TaskRow) -> Values {
    values
        .uuid_opt(row.last_uuid)
        .number(row.launch_seq)
        .number_opt(row.kill_seq)
        .span_opt(row.kill_grace)
        .number_opt(row.ack.map(|(seq, _)| seq))
        .uuid_opt(row.ack.map(|(_, uuid)| uuid))
        .flag(row.archived)
        .number(row.attempt.into())
        .time_opt(row.times.submitted)
        .time(row.times.accepted)
        .time_opt(row.times.started)
        .time_opt(row.times.ended)
        .text(&row.trace.traceparent)
        .text(&row.trace.tracestate)
        .number(FORMAT_VERSION.into())
}

const UPSERT_PAYLOAD: Statement = Statement {
    table: "task_payload",
    head: "INSERT INTO task_payload (
               cell, launch_epoch, launch_number, payload, format_version
           ) VALUES",
    columns: 5,
    tail: "ON CONFLICT (cell, launch_epoch, launch_number) DO UPDATE SET
               payload = excluded.payload,
               format_version = excluded.format_version",
};

pub(in crate::sqlite) async fn upsert_payloads(
    connection: &mut SqliteConnection,
    cell: &CellId,
    payloads: &[(LaunchId, &Bytes)],
) -> Result<(), Error> {
    let bind = |values: Values, (launch, payload): &(LaunchId, &Bytes)| {
        values
            .text(cell.as_str())
            .number(launch.epoch.0)
            .number(launch.number)
            .bytes(payload)
            .number(FORMAT_VERSION.into())
    };
    UPSERT_PAYLOAD.execute(connection, payloads, bind).await?;
    Ok(())
}

// By row id: for a list of keys of several columns SQLite would scan the table.
const DELETE: Statement = Statement {
    table: "task",
    head: "DELETE FROM task WHERE archived = 1 AND rowid IN (
               SELECT task.rowid FROM (VALUES",
    columns: 3,
    tail: ") AS given CROSS JOIN task
               ON task.cell = given.column1
               AND task.launch_epoch = given.column2
               AND task.launch_number = given.column3
           )",
};

const DELETE_PAYLOAD: Statement = Statement {
    table: "task_payload",
    head: "DELETE FROM task_payload WHERE rowid IN (
               SELECT task_payload.rowid FROM (VALUES",
    columns: 3,
    tail: ") AS given CROSS JOIN task_payload
               ON task_payload.cell = given.column1
               AND task_payload.launch_epoch = given.column2
               AND task_payload.launch_number = given.column3
           )",
};

/// Removes archived tasks with their descriptions; one that is not archived stays.
pub(in crate::sqlite) async fn delete(
    connection: &mut SqliteConnection,
    cell: &CellId,
    launches: &[LaunchId],
) -> Result<u64, Error> {
    let bind = |values: Values, launch: &LaunchId| {
        values
            .text(cell.as_str())
            .number(launch.epoch.0)
            .number(launch.number)
    };
    DELETE_PAYLOAD
        .execute(&mut *connection, launches, bind)
        .await?;
    DELETE.execute(connection, launches, bind).await
}
