//! Frameworks.

use insula_types::framework::FrameworkInfo;
use insula_types::record::{FrameworkRow, FrameworkState};
use insula_types::{CellId, FORMAT_VERSION, FrameworkKey, TenantId};

use super::{AnyRow, Columns, Query, Row, Table};
use crate::Error;

pub(crate) const TABLE: Table = Table {
    name: "framework",
    key: &["cell", "tenant", "framework"],
    fixed: &[],
    latest: &[
        "name",
        "run_as",
        "roles",
        "capabilities",
        "failover_timeout_us",
        "checkpoint",
        "principal",
        "hostname",
        "webui_url",
        "payload",
        "state",
        "state_at_us",
        "suppressed",
        "registered_at_us",
        "reregistered_at_us",
        "format_version",
    ],
};

pub(crate) fn encode<'a>(values: Row<'_, 'a>, cell: &'a CellId, row: &'a FrameworkRow) {
    let (state, at) = match row.state {
        FrameworkState::Subscribed => ("subscribed", None),
        FrameworkState::Disconnected { deadline } => ("disconnected", Some(deadline)),
        FrameworkState::Removed { at } => ("removed", Some(at)),
    };
    values
        .cell(cell)
        .text(row.key.tenant.as_str())
        .text(row.key.framework.as_str())
        .text(row.info.name.as_str())
        .text(row.info.user.as_str())
        .json(&row.info.roles)
        .json(&row.info.capabilities)
        .span_opt(Some(row.info.failover_timeout))
        .flag(row.info.checkpoint)
        .text(row.info.principal.as_str())
        .text(row.info.hostname.as_str())
        .text(row.info.webui_url.as_str())
        .bytes(&row.info.payload)
        .text(state)
        .time_opt(at)
        .json(&row.suppressed)
        .time(row.registered_at)
        .time(row.reregistered_at)
        .number(FORMAT_VERSION.into());
}

pub(crate) fn load(cell: &CellId) -> Query<'_> {
    of_cell(cell).sql(" ORDER BY tenant, framework")
}

pub(crate) fn page<'a>(
    cell: &'a CellId,
    tenant: Option<&'a TenantId>,
    after: Option<&'a FrameworkKey>,
    fetch: i64,
) -> Query<'a> {
    let mut query = of_cell(cell).of_tenant(tenant);
    if let Some(after) = after {
        query = query
            .sql(" AND (tenant, framework) > (")
            .text(after.tenant.as_str())
            .sql(", ")
            .text(after.framework.as_str())
            .sql(")");
    }
    query
        .sql(" ORDER BY tenant, framework LIMIT ")
        .number(fetch)
}

fn of_cell(cell: &CellId) -> Query<'_> {
    Query::new(TABLE.select(TABLE.name))
        .sql(" WHERE cell = ")
        .text(cell.as_str())
}

pub(crate) fn decode(row: AnyRow<'_>) -> Result<FrameworkRow, Error> {
    let columns = Columns::of(TABLE.name, row)?;
    let at = columns.time_opt("state_at_us")?;
    let state = match columns.get("state")? {
        "disconnected" => FrameworkState::Disconnected {
            deadline: columns.required("state_at_us", at)?,
        },
        "removed" => FrameworkState::Removed {
            at: columns.required("state_at_us", at)?,
        },
        "subscribed" => FrameworkState::Subscribed,
        other => return Err(columns.unknown("state", other)),
    };
    Ok(FrameworkRow {
        key: FrameworkKey {
            tenant: columns.id("tenant")?,
            framework: columns.id("framework")?,
        },
        info: FrameworkInfo {
            name: columns.text("name")?,
            user: columns.text("run_as")?,
            roles: columns.json("roles")?,
            capabilities: columns.json("capabilities")?,
            failover_timeout: columns.span("failover_timeout_us")?,
            checkpoint: columns.flag("checkpoint")?,
            principal: columns.text("principal")?,
            hostname: columns.text("hostname")?,
            webui_url: columns.text("webui_url")?,
            payload: columns.bytes("payload")?,
        },
        state,
        suppressed: columns.json("suppressed")?,
        registered_at: columns.time("registered_at_us")?,
        reregistered_at: columns.time("reregistered_at_us")?,
    })
}
