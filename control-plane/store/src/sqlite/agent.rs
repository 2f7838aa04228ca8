//! Agents.

use insula_types::agent::AgentInfo;
use insula_types::message::CommandSeq;
use insula_types::record::{AgentRow, AgentState};
use insula_types::{AgentId, CellId, FORMAT_VERSION};
use sqlx::sqlite::SqliteRow;
use sqlx::{QueryBuilder, Sqlite, SqliteConnection};

use super::Store;
use super::columns::Columns;
use super::values::{Statement, Values};
use crate::Error;
use crate::error::failed_to;
use crate::page::{Page, cut};

const UPSERT: Statement = Statement {
    table: "agent",
    head: "INSERT INTO agent (
               cell, agent, checkpoint, session, hostname, resources, attributes, capabilities,
               version, state, unreachable_since_us, confirmed, registered_at_us,
               reregistered_at_us, format_version
           ) VALUES",
    columns: 15,
    tail: "ON CONFLICT (cell, agent) DO UPDATE SET
               checkpoint = excluded.checkpoint,
               session = excluded.session,
               hostname = excluded.hostname,
               resources = excluded.resources,
               attributes = excluded.attributes,
               capabilities = excluded.capabilities,
               version = excluded.version,
               state = excluded.state,
               unreachable_since_us = excluded.unreachable_since_us,
               confirmed = excluded.confirmed,
               registered_at_us = excluded.registered_at_us,
               reregistered_at_us = excluded.reregistered_at_us,
               format_version = excluded.format_version",
};

pub(super) async fn upsert(
    connection: &mut SqliteConnection,
    cell: &CellId,
    rows: &[&AgentRow],
) -> Result<(), Error> {
    let bind = |values: Values, row: &&AgentRow| {
        let (state, since) = match row.state {
            AgentState::Registered => ("registered", None),
            AgentState::Unreachable { since } => ("unreachable", Some(since)),
        };
        values
            .text(cell.as_str())
            .text(row.agent.as_str())
            .text(row.checkpoint.as_str())
            .text(row.session.as_str())
            .text(&row.info.hostname)
            .text(&row.info.resources.to_string())
            .json(&row.info.attributes)
            .json(&row.info.capabilities)
            .text(&row.info.version)
            .text(state)
            .time_opt(since)
            .number(row.confirmed)
            .time(row.registered_at)
            .time(row.reregistered_at)
            .number(FORMAT_VERSION.into())
    };
    UPSERT.execute(connection, rows, bind).await?;
    Ok(())
}

const CONFIRM: Statement = Statement {
    table: "agent",
    head: "UPDATE agent SET confirmed = given.column3 FROM (VALUES",
    columns: 3,
    tail: ") AS given WHERE agent.cell = given.column1 AND agent.agent = given.column2",
};

/// Raises the confirmed command of agents that have a row.
pub(super) async fn confirm(
    connection: &mut SqliteConnection,
    cell: &CellId,
    confirmed: &[(&AgentId, CommandSeq)],
) -> Result<(), Error> {
    let bind = |values: Values, (agent, seq): &(&AgentId, CommandSeq)| {
        values.text(cell.as_str()).text(agent.as_str()).number(*seq)
    };
    let changed = CONFIRM.execute(connection, confirmed, bind).await?;
    if usize::try_from(changed) != Ok(confirmed.len()) {
        let what = format!("{} agents to confirm, {changed} found", confirmed.len());
        return Err(Error::Missing {
            table: "agent",
            what,
        });
    }
    Ok(())
}

const SELECT: &str = "SELECT agent, checkpoint, session, hostname, resources, attributes,
                             capabilities, version, state, unreachable_since_us, confirmed,
                             registered_at_us, reregistered_at_us, format_version
                      FROM agent WHERE cell = ";

pub(super) async fn load(
    connection: &mut SqliteConnection,
    cell: &CellId,
) -> Result<Vec<AgentRow>, Error> {
    let mut query = QueryBuilder::<Sqlite>::new(SELECT);
    query.push_bind(cell.as_str()).push(" ORDER BY agent");
    let rows = query
        .build()
        .fetch_all(connection)
        .await
        .map_err(failed_to("read agents"))?;
    rows.iter().map(decode).collect()
}

impl Store {
    /// Agents by id, starting after `after`.
    ///
    /// # Errors
    /// If the database does not answer, or a row cannot be read.
    pub async fn agents(
        &self,
        cell: &CellId,
        after: Option<&AgentId>,
        limit: usize,
    ) -> Result<Page<AgentRow>, Error> {
        let mut view = self.view(cell, limit).await?;
        let mut query = QueryBuilder::<Sqlite>::new(SELECT);
        query.push_bind(cell.as_str());
        if let Some(after) = after {
            query.push(" AND agent > ").push_bind(after.as_str());
        }
        query.push(" ORDER BY agent LIMIT ").push_bind(view.fetch);
        let rows = query
            .build()
            .fetch_all(&mut *view.snapshot)
            .await
            .map_err(failed_to("list agents"))?;
        let rows = rows.iter().map(decode).collect::<Result<_, _>>()?;
        Ok(cut(rows, view.limit, view.as_of))
    }
}

fn decode(row: &SqliteRow) -> Result<AgentRow, Error> {
    let columns = Columns::of("agent", row)?;
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
