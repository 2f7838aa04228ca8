//! Agents.

use insula_types::agent::AgentInfo;
use insula_types::record::{AgentRow, AgentState};
use insula_types::{AgentId, CellId, FORMAT_VERSION};

use super::{AnyRow, Columns, Query, Row, Table};
use crate::Error;

pub(crate) const TABLE: Table = Table {
    name: "agent",
    key: &["cell", "agent"],
    fixed: &[],
    latest: &[
        "checkpoint",
        "session",
        "hostname",
        "resources",
        "attributes",
        "capabilities",
        "version",
        "state",
        "unreachable_since_us",
        "confirmed",
        "registered_at_us",
        "reregistered_at_us",
        "format_version",
    ],
};

pub(crate) fn encode<'a>(values: Row<'_, 'a>, cell: &'a CellId, row: &'a AgentRow) {
    let (state, since) = match row.state {
        AgentState::Registered => ("registered", None),
        AgentState::Unreachable { since } => ("unreachable", Some(since)),
    };
    values
        .cell(cell)
        .text(row.agent.as_str())
        .text(row.checkpoint.as_str())
        .text(row.session.as_str())
        .text(row.info.hostname.as_str())
        .text(row.info.resources.to_string())
        .json(&row.info.attributes)
        .json(&row.info.capabilities)
        .text(row.info.version.as_str())
        .text(state)
        .time_opt(since)
        .number(row.confirmed)
        .time(row.registered_at)
        .time(row.reregistered_at)
        .number(FORMAT_VERSION.into());
}

pub(crate) fn load(cell: &CellId) -> Query<'_> {
    of_cell(cell).sql(" ORDER BY agent")
}

pub(crate) fn page<'a>(cell: &'a CellId, after: Option<&'a AgentId>, fetch: i64) -> Query<'a> {
    of_cell(cell)
        .sql(" AND agent > ")
        .text(after.map_or("", AgentId::as_str))
        .sql(" ORDER BY agent LIMIT ")
        .number(fetch)
}

fn of_cell(cell: &CellId) -> Query<'_> {
    Query::new(TABLE.select(TABLE.name))
        .sql(" WHERE cell = ")
        .text(cell.as_str())
}

pub(crate) fn decode(row: AnyRow<'_>) -> Result<AgentRow, Error> {
    let columns = Columns::of(TABLE.name, row)?;
    let since = columns.time_opt("unreachable_since_us")?;
    let state = match columns.get("state")? {
        "unreachable" => AgentState::Unreachable {
            since: columns.required("unreachable_since_us", since)?,
        },
        "registered" => AgentState::Registered,
        other => return Err(columns.unknown("state", other)),
    };
    Ok(AgentRow {
        agent: columns.id("agent")?,
        checkpoint: columns.id("checkpoint")?,
        session: columns.id("session")?,
        info: AgentInfo {
            hostname: columns.text("hostname")?,
            resources: columns.parsed("resources")?,
            attributes: columns.json("attributes")?,
            capabilities: columns.json("capabilities")?,
            version: columns.text("version")?,
        },
        state,
        confirmed: columns.number("confirmed")?,
        registered_at: columns.time("registered_at_us")?,
        reregistered_at: columns.time("reregistered_at_us")?,
    })
}
