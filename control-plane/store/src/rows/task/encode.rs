//! Tasks and their descriptions, on their way in.

use insula_types::record::TaskRow;
use insula_types::task::Exit;
use insula_types::{CellId, FORMAT_VERSION, LaunchId};

use crate::rows::Row;

pub(crate) fn encode<'a>(values: Row<'_, 'a>, cell: &'a CellId, row: &'a TaskRow) {
    times(delivery(status(accepted(values, cell, row), row), row), row);
}

fn accepted<'b, 'a>(values: Row<'b, 'a>, cell: &'a CellId, row: &'a TaskRow) -> Row<'b, 'a> {
    values
        .cell(cell)
        .launch(row.launch)
        .text(row.key.framework.tenant.as_str())
        .text(row.key.framework.framework.as_str())
        .text(row.key.task.as_str())
        .text(row.name.as_str())
        .text(row.kind.as_str())
        .text(row.user.as_str())
        .text(row.agent.as_str())
        .text(row.role.as_str())
        .number(row.launch_seq)
        .number(row.attempt.into())
        .time_opt(row.times.submitted)
        .time(row.times.accepted)
        .trace(&row.trace)
}

fn status<'b, 'a>(values: Row<'b, 'a>, row: &'a TaskRow) -> Row<'b, 'a> {
    let status = &row.status;
    let (code, signal) = match status.exit {
        Some(Exit::Code(code)) => (Some(code), None),
        Some(Exit::Signal(signal)) => (None, Some(signal)),
        None => (None, None),
    };
    values
        .text(row.resources.to_string())
        .text(status.state.as_str())
        .flag(status.state.is_terminal())
        .text(status.source.as_str())
        .text_opt(status.reason.map(|reason| reason.as_str()))
        .text(status.message.as_str())
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

fn delivery<'b, 'a>(values: Row<'b, 'a>, row: &'a TaskRow) -> Row<'b, 'a> {
    values
        .uuid_opt(row.last_uuid)
        .number_opt(row.kill_seq)
        .span_opt(row.kill_grace)
        .number_opt(row.ack.map(|(seq, _)| seq))
        .uuid_opt(row.ack.map(|(_, uuid)| uuid))
        .flag(row.archived)
}

fn times(values: Row<'_, '_>, row: &TaskRow) {
    let times = &row.times;
    values
        .time_opt(times.started)
        .time_opt(times.ended)
        .time_opt(times.acknowledged)
        .time_opt(times.on_agent.received)
        .time_opt(times.on_agent.started)
        .time_opt(times.on_agent.ended)
        .number(FORMAT_VERSION.into());
}

pub(crate) fn encode_payload<'a>(
    values: Row<'_, 'a>,
    cell: &'a CellId,
    launch: LaunchId,
    payload: &'a [u8],
) {
    values
        .cell(cell)
        .launch(launch)
        .bytes(payload)
        .number(FORMAT_VERSION.into());
}
