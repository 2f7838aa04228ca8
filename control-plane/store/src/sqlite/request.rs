//! Requests to tenants' built-in frameworks.

use insula_types::record::RequestRow;
use insula_types::request::TaskRequest;
use insula_types::{CellId, FORMAT_VERSION, TaskId, TaskKind, TenantId};
use sqlx::sqlite::SqliteRow;
use sqlx::{QueryBuilder, Sqlite, SqliteConnection};

use super::Store;
use super::columns::Columns;
use super::values::{Statement, Values};
use crate::Error;
use crate::error::failed_to;
use crate::page::{Page, cut};

const UPSERT: Statement = Statement {
    table: "request",
    head: "INSERT INTO request (
               cell, tenant, task, name, kind, resources, constraints, retries, payload,
               traceparent, tracestate, launch_epoch, launch_number, attempts, submitted_at_us,
               withdrawn_at_us, format_version
           ) VALUES",
    columns: 17,
    tail: "ON CONFLICT (cell, tenant, task) DO UPDATE SET
               name = excluded.name,
               kind = excluded.kind,
               resources = excluded.resources,
               constraints = excluded.constraints,
               retries = excluded.retries,
               payload = excluded.payload,
               traceparent = excluded.traceparent,
               tracestate = excluded.tracestate,
               launch_epoch = excluded.launch_epoch,
               launch_number = excluded.launch_number,
               attempts = excluded.attempts,
               submitted_at_us = excluded.submitted_at_us,
               withdrawn_at_us = excluded.withdrawn_at_us,
               format_version = excluded.format_version",
};

pub(super) async fn upsert(
    connection: &mut SqliteConnection,
    cell: &CellId,
    rows: &[&RequestRow],
) -> Result<(), Error> {
    let bind = |values: Values, row: &&RequestRow| {
        values
            .text(cell.as_str())
            .text(row.tenant.as_str())
            .text(row.request.task.as_str())
            .text(&row.request.name)
            .text(row.request.kind.as_str())
            .text(&row.request.resources.to_string())
            .json(&row.request.constraints)
            .number(row.request.retries.into())
            .bytes(&row.request.payload)
            .text(&row.request.trace.traceparent)
            .text(&row.request.trace.tracestate)
            .number_opt(row.launch.map(|launch| launch.epoch.0))
            .number_opt(row.launch.map(|launch| launch.number))
            .number(row.attempts.into())
            .time(row.submitted_at)
            .time_opt(row.withdrawn_at)
            .number(FORMAT_VERSION.into())
    };
    UPSERT.execute(connection, rows, bind).await?;
    Ok(())
}

// By row id: for a list of keys of several columns SQLite would scan the table.
const DELETE: Statement = Statement {
    table: "request",
    head: "DELETE FROM request WHERE rowid IN (
               SELECT request.rowid FROM (VALUES",
    columns: 3,
    tail: ") AS given CROSS JOIN request
               ON request.cell = given.column1
               AND request.tenant = given.column2
               AND request.task = given.column3
           )",
};

/// Removes requests. One that was submitted and done within the same commit has no row.
pub(super) async fn delete(
    connection: &mut SqliteConnection,
    cell: &CellId,
    done: &[(&TenantId, &TaskId)],
) -> Result<(), Error> {
    let bind = |values: Values, (tenant, task): &(&TenantId, &TaskId)| {
        values
            .text(cell.as_str())
            .text(tenant.as_str())
            .text(task.as_str())
    };
    DELETE.execute(connection, done, bind).await?;
    Ok(())
}

const SELECT: &str = "SELECT tenant, task, name, kind, resources, constraints, retries, payload,
                             traceparent, tracestate, launch_epoch, launch_number, attempts,
                             submitted_at_us, withdrawn_at_us, format_version
                      FROM request WHERE cell = ";

pub(super) async fn load(
    connection: &mut SqliteConnection,
    cell: &CellId,
) -> Result<Vec<RequestRow>, Error> {
    let mut query = QueryBuilder::<Sqlite>::new(SELECT);
    query
        .push_bind(cell.as_str())
        .push(" AND withdrawn_at_us IS NULL ORDER BY tenant, task");
    let rows = query
        .build()
        .fetch_all(connection)
        .await
        .map_err(failed_to("read requests"))?;
    rows.iter().map(decode).collect()
}

impl Store {
    /// Requests that are not withdrawn, by tenant and task id, starting after `after`; only one tenant's if a tenant is
    /// given.
    ///
    /// # Errors
    /// If the database does not answer, or a row cannot be read.
    pub async fn requests(
        &self,
        cell: &CellId,
        tenant: Option<&TenantId>,
        after: Option<(&TenantId, &TaskId)>,
        limit: usize,
    ) -> Result<Page<RequestRow>, Error> {
        let mut view = self.view(cell, limit).await?;
        let mut query = QueryBuilder::<Sqlite>::new(SELECT);
        query.push_bind(cell.as_str());
        query.push(" AND withdrawn_at_us IS NULL");
        if let Some(tenant) = tenant {
            query.push(" AND tenant = ").push_bind(tenant.as_str());
        }
        if let Some((tenant, task)) = after {
            query
                .push(" AND (tenant, task) > (")
                .push_bind(tenant.as_str());
            query.push(", ").push_bind(task.as_str()).push(")");
        }
        query
            .push(" ORDER BY tenant, task LIMIT ")
            .push_bind(view.fetch);
        let rows = query
            .build()
            .fetch_all(&mut *view.snapshot)
            .await
            .map_err(failed_to("list requests"))?;
        let rows = rows.iter().map(decode).collect::<Result<_, _>>()?;
        Ok(cut(rows, view.limit, view.as_of))
    }

    /// A tenant's requests that wait to be started, by task id, starting after `after`; only those
    /// whose id starts with `prefix`.
    ///
    /// # Errors
    /// If the database does not answer, or a row cannot be read.
    pub async fn waiting_requests(
        &self,
        cell: &CellId,
        tenant: &TenantId,
        prefix: &str,
        after: Option<&TaskId>,
        limit: usize,
    ) -> Result<Page<RequestRow>, Error> {
        let mut view = self.view(cell, limit).await?;
        let mut query = QueryBuilder::<Sqlite>::new(SELECT);
        query.push_bind(cell.as_str());
        query.push(" AND tenant = ").push_bind(tenant.as_str());
        query.push(" AND launch_epoch IS NULL AND withdrawn_at_us IS NULL");
        if let Some(after) = after {
            query.push(" AND task > ").push_bind(after.as_str());
        }
        // Not LIKE: the text may contain its wildcards.
        query
            .push(" AND substr(task, 1, length(")
            .push_bind(prefix.to_owned());
        query.push(")) = ").push_bind(prefix.to_owned());
        query.push(" ORDER BY task LIMIT ").push_bind(view.fetch);
        let rows = query
            .build()
            .fetch_all(&mut *view.snapshot)
            .await
            .map_err(failed_to("list requests"))?;
        let rows = rows.iter().map(decode).collect::<Result<_, _>>()?;
        Ok(cut(rows, view.limit, view.as_of))
    }

    /// One request: waiting, under way, or withdrawn as far as history is kept.
    ///
    /// # Errors
    /// If the database does not answer, or the row cannot be read.
    pub async fn request(
        &self,
        cell: &CellId,
        tenant: &TenantId,
        task: &TaskId,
    ) -> Result<Option<RequestRow>, Error> {
        let mut query = QueryBuilder::<Sqlite>::new(SELECT);
        query.push_bind(cell.as_str());
        query.push(" AND tenant = ").push_bind(tenant.as_str());
        query.push(" AND task = ").push_bind(task.as_str());
        let row = query
            .build()
            .fetch_optional(&self.readers)
            .await
            .map_err(failed_to("read a request"))?;
        row.as_ref().map(decode).transpose()
    }
}

fn decode(row: &SqliteRow) -> Result<RequestRow, Error> {
    let columns = Columns::of("request", row)?;
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
