//! Requests to tenants' built-in frameworks.

use insula_types::record::RequestRow;
use insula_types::request::TaskRequest;
use insula_types::{CellId, FORMAT_VERSION, TaskId, TaskKind, TenantId};

use super::{AnyRow, Columns, Query, Row, Table};
use crate::Error;

pub(crate) const TABLE: Table = Table {
    name: "request",
    key: &["cell", "tenant", "task"],
    fixed: &[],
    latest: &[
        "name",
        "kind",
        "resources",
        "constraints",
        "retries",
        "payload",
        "traceparent",
        "tracestate",
        "launch_epoch",
        "launch_number",
        "attempts",
        "submitted_at_us",
        "withdrawn_at_us",
        "format_version",
    ],
};

pub(crate) fn encode<'a>(values: Row<'_, 'a>, cell: &'a CellId, row: &'a RequestRow) {
    values
        .cell(cell)
        .text(row.tenant.as_str())
        .text(row.request.task.as_str())
        .text(row.request.name.as_str())
        .text(row.request.kind.as_str())
        .text(row.request.resources.to_string())
        .json(&row.request.constraints)
        .number(row.request.retries.into())
        .bytes(&row.request.payload)
        .trace(&row.request.trace)
        .number_opt(row.launch.map(|launch| launch.epoch.0))
        .number_opt(row.launch.map(|launch| launch.number))
        .number(row.attempts.into())
        .time(row.submitted_at)
        .time_opt(row.withdrawn_at)
        .number(FORMAT_VERSION.into());
}

pub(crate) fn load(cell: &CellId) -> Query<'_> {
    of_cell(cell).sql(" AND withdrawn_at_us IS NULL ORDER BY tenant, task")
}

pub(crate) fn page<'a>(
    cell: &'a CellId,
    tenant: Option<&'a TenantId>,
    after: Option<(&'a TenantId, &'a TaskId)>,
    fetch: i64,
) -> Query<'a> {
    let mut query = of_cell(cell)
        .sql(" AND withdrawn_at_us IS NULL")
        .of_tenant(tenant);
    if let Some((tenant, task)) = after {
        query = query
            .sql(" AND (tenant, task) > (")
            .text(tenant.as_str())
            .sql(", ")
            .text(task.as_str())
            .sql(")");
    }
    query.sql(" ORDER BY tenant, task LIMIT ").number(fetch)
}

pub(crate) fn waiting<'a>(
    cell: &'a CellId,
    tenant: &'a TenantId,
    prefix: &'a str,
    after: Option<&'a TaskId>,
    fetch: i64,
) -> Query<'a> {
    of_cell(cell)
        .of_tenant(Some(tenant))
        .sql(" AND launch_epoch IS NULL AND withdrawn_at_us IS NULL AND task > ")
        .text(after.map_or("", TaskId::as_str))
        .starts_with("task", prefix)
        .sql(" ORDER BY task LIMIT ")
        .number(fetch)
}

pub(crate) fn one<'a>(cell: &'a CellId, tenant: &'a TenantId, task: &'a TaskId) -> Query<'a> {
    of_cell(cell)
        .of_tenant(Some(tenant))
        .sql(" AND task = ")
        .text(task.as_str())
}

fn of_cell(cell: &CellId) -> Query<'_> {
    Query::new(TABLE.select(TABLE.name))
        .sql(" WHERE cell = ")
        .text(cell.as_str())
}

pub(crate) fn decode(row: AnyRow<'_>) -> Result<RequestRow, Error> {
    let columns = Columns::of(TABLE.name, row)?;
    Ok(RequestRow {
        tenant: columns.id("tenant")?,
        request: TaskRequest {
            task: columns.id("task")?,
            name: columns.text("name")?,
            kind: columns.word("kind", TaskKind::from_name)?,
            resources: columns.parsed("resources")?,
            constraints: columns.json("constraints")?,
            retries: columns.number("retries")?,
            payload: columns.bytes("payload")?,
            trace: columns.trace()?,
        },
        launch: columns.launch_opt()?,
        attempts: columns.number("attempts")?,
        submitted_at: columns.time("submitted_at_us")?,
        withdrawn_at: columns.time_opt("withdrawn_at_us")?,
    })
}
