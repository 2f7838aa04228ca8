//! Frameworks.

use insula_types::framework::FrameworkInfo;
use insula_types::record::{FrameworkRow, FrameworkState};
use insula_types::{CellId, FORMAT_VERSION, FrameworkKey, TenantId};
use sqlx::sqlite::SqliteRow;
use sqlx::{QueryBuilder, Sqlite, SqliteConnection};

use super::Store;
use super::columns::Columns;
use super::values::{Statement, Values};
use crate::Error;
use crate::error::failed_to;
use crate::page::{Page, cut};

const UPSERT: Statement = Statement {
    table: "framework",
    head: "INSERT INTO framework (
               cell, tenant, framework, name, run_as, roles, capabilities, failover_timeout_us,
               checkpoint, principal, hostname, webui_url, payload, state, state_at_us, suppressed,
               registered_at_us, reregistered_at_us, format_version
           ) VALUES",
    columns: 19,
    tail: "ON CONFLICT (cell, tenant, framework) DO UPDATE SET
               name = excluded.name,
               run_as = excluded.run_as,
               roles = excluded.roles,
               capabilities = excluded.capabilities,
               failover_timeout_us = excluded.failover_timeout_us,
               checkpoint = excluded.checkpoint,
               principal = excluded.principal,
               hostname = excluded.hostname,
               webui_url = excluded.webui_url,
               payload = excluded.payload,
               state = excluded.state,
               state_at_us = excluded.state_at_us,
               suppressed = excluded.suppressed,
               registered_at_us = excluded.registered_at_us,
               reregistered_at_us = excluded.reregistered_at_us,
               format_version = excluded.format_version",
};

pub(super) async fn upsert(
    connection: &mut SqliteConnection,
    cell: &CellId,
    rows: &[&FrameworkRow],
) -> Result<(), Error> {
    let bind = |values: Values, row: &&FrameworkRow| {
        let (state, at) = match row.state {
            FrameworkState::Subscribed => ("subscribed", None),
            FrameworkState::Disconnected { deadline } => ("disconnected", Some(deadline)),
            FrameworkState::Removed { at } => ("removed", Some(at)),
        };
        values
            .text(cell.as_str())
            .text(row.key.tenant.as_str())
            .text(row.key.framework.as_str())
            .text(&row.info.name)
            .text(&row.info.user)
            .json(&row.info.roles)
            .json(&row.info.capabilities)
            .span_opt(Some(row.info.failover_timeout))
            .flag(row.info.checkpoint)
            .text(&row.info.principal)
            .text(&row.info.hostname)
            .text(&row.info.webui_url)
            .bytes(&row.info.payload)
            .text(state)
            .time_opt(at)
            .json(&row.suppressed)
            .time(row.registered_at)
            .time(row.reregistered_at)
            .number(FORMAT_VERSION.into())
    };
    UPSERT.execute(connection, rows, bind).await?;
    Ok(())
}

const SELECT: &str = "SELECT tenant, framework, name, run_as, roles, capabilities,
                             failover_timeout_us, checkpoint, principal, hostname, webui_url,
                             payload, state, state_at_us, suppressed, registered_at_us,
                             reregistered_at_us, format_version
                      FROM framework WHERE cell = ";

pub(super) async fn load(
    connection: &mut SqliteConnection,
    cell: &CellId,
) -> Result<Vec<FrameworkRow>, Error> {
    let mut query = QueryBuilder::<Sqlite>::new(SELECT);
    query
        .push_bind(cell.as_str())
        .push(" ORDER BY tenant, framework");
    let rows = query
        .build()
        .fetch_all(connection)
        .await
        .map_err(failed_to("read frameworks"))?;
    rows.iter().map(decode).collect()
}

impl Store {
    /// Frameworks by tenant and id, removed ones as well, starting after `after`; only one tenant's
    /// if a tenant is given.
    ///
    /// # Errors
    /// If the database does not answer, or a row cannot be read.
    pub async fn frameworks(
        &self,
        cell: &CellId,
        tenant: Option<&TenantId>,
        after: Option<&FrameworkKey>,
        limit: usize,
    ) -> Result<Page<FrameworkRow>, Error> {
        let mut view = self.view(cell, limit).await?;
        let mut query = QueryBuilder::<Sqlite>::new(SELECT);
        query.push_bind(cell.as_str());
        if let Some(tenant) = tenant {
            query.push(" AND tenant = ").push_bind(tenant.as_str());
        }
        if let Some(after) = after {
            query
                .push(" AND (tenant, framework) > (")
                .push_bind(after.tenant.as_str());
            query
                .push(", ")
                .push_bind(after.framework.as_str())
                .push(")");
        }
        query
            .push(" ORDER BY tenant, framework LIMIT ")
            .push_bind(view.fetch);
        let rows = query
            .build()
            .fetch_all(&mut *view.snapshot)
            .await
            .map_err(failed_to("list frameworks"))?;
        let rows = rows.iter().map(decode).collect::<Result<_, _>>()?;
        Ok(cut(rows, view.limit, view.as_of))
    }
}

fn decode(row: &SqliteRow) -> Result<FrameworkRow, Error> {
    let columns = Columns::of("framework", row)?;
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
