//! Tasks: live ones for the kernel, all of them for whoever asks.

mod read;
mod write;

use bytes::Bytes;
use insula_types::record::TaskRow;
use insula_types::{CellId, LaunchId, TaskKey};
use sqlx::{QueryBuilder, Sqlite, SqliteConnection};

pub(super) use write::{delete, upsert, upsert_payloads};

use self::read::{SELECT, decode};
use super::Store;
use super::columns::Columns;
use crate::Error;
use crate::error::failed_to;
use crate::page::{Page, TaskFilter, TaskGroup, cut};

pub(super) async fn load(
    connection: &mut SqliteConnection,
    cell: &CellId,
) -> Result<Vec<TaskRow>, Error> {
    let mut query = QueryBuilder::<Sqlite>::new(SELECT);
    query.push_bind(cell.as_str());
    query.push(" AND archived = 0 ORDER BY launch_epoch, launch_number");
    let rows = query
        .build()
        .fetch_all(connection)
        .await
        .map_err(failed_to("read tasks"))?;
    rows.iter().map(decode).collect()
}

/// The descriptions of the tasks whose launch their agent has not confirmed.
pub(super) async fn load_payloads(
    connection: &mut SqliteConnection,
    cell: &CellId,
) -> Result<Vec<(LaunchId, Bytes)>, Error> {
    let sql = "SELECT task.launch_epoch, task.launch_number, task_payload.payload,
                      task_payload.format_version
               FROM task
               JOIN agent USING (cell, agent)
               JOIN task_payload USING (cell, launch_epoch, launch_number)
               WHERE task.cell = ? AND task.archived = 0 AND task.launch_seq > agent.confirmed
               ORDER BY task.launch_epoch, task.launch_number";
    let rows = sqlx::query(sql)
        .bind(cell.as_str())
        .fetch_all(connection)
        .await
        .map_err(failed_to("read task descriptions"))?;
    let decode = |row| {
        let columns = Columns::of("task_payload", row)?;
        Ok((columns.launch()?, columns.bytes("payload")?))
    };
    rows.iter().map(decode).collect()
}

impl Store {
    /// Tasks, the latest launch first, starting after (that is, below) `after`.
    ///
    /// # Errors
    /// If the database does not answer, or a row cannot be read.
    pub async fn tasks(
        &self,
        cell: &CellId,
        filter: &TaskFilter,
        after: Option<LaunchId>,
        limit: usize,
    ) -> Result<Page<TaskRow>, Error> {
        let mut view = self.view(cell, limit).await?;
        let mut query = QueryBuilder::<Sqlite>::new(SELECT);
        query.push_bind(cell.as_str());
        push_filter(&mut query, filter);
        if let Some(after) = after {
            // Ids that were never handed out may be larger than any that is stored.
            let signed = |number| i64::try_from(number).unwrap_or(i64::MAX);
            query
                .push(" AND (launch_epoch, launch_number) < (")
                .push_bind(signed(after.epoch.0));
            query.push(", ").push_bind(signed(after.number)).push(")");
        }
        query
            .push(" ORDER BY launch_epoch DESC, launch_number DESC LIMIT ")
            .push_bind(view.fetch);
        let rows = query
            .build()
            .fetch_all(&mut *view.snapshot)
            .await
            .map_err(failed_to("list tasks"))?;
        let rows = rows.iter().map(decode).collect::<Result<_, _>>()?;
        Ok(cut(rows, view.limit, view.as_of))
    }

    /// The latest start of a task id, if there was one and history still has it.
    ///
    /// # Errors
    /// If the database does not answer, or the row cannot be read.
    pub async fn task(&self, cell: &CellId, key: &TaskKey) -> Result<Option<TaskRow>, Error> {
        let mut query = QueryBuilder::<Sqlite>::new(SELECT);
        query.push_bind(cell.as_str());
        query
            .push(" AND tenant = ")
            .push_bind(key.framework.tenant.as_str());
        query
            .push(" AND framework = ")
            .push_bind(key.framework.framework.as_str());
        query.push(" AND task = ").push_bind(key.task.as_str());
        query.push(" ORDER BY launch_epoch DESC, launch_number DESC LIMIT 1");
        let row = query
            .build()
            .fetch_optional(&self.readers)
            .await
            .map_err(failed_to("read a task"))?;
        row.as_ref().map(decode).transpose()
    }

    /// A task's description, an encoded `TaskInfo`, for as long as the task has a row.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn task_payload(
        &self,
        cell: &CellId,
        launch: LaunchId,
    ) -> Result<Option<Bytes>, Error> {
        let (Ok(epoch), Ok(number)) = (i64::try_from(launch.epoch.0), i64::try_from(launch.number))
        else {
            return Ok(None);
        };
        let sql = "SELECT payload, format_version FROM task_payload
                   WHERE cell = ? AND launch_epoch = ? AND launch_number = ?";
        let row = sqlx::query(sql)
            .bind(cell.as_str())
            .bind(epoch)
            .bind(number)
            .fetch_optional(&self.readers)
            .await
            .map_err(failed_to("read a task description"))?;
        row.map(|row| Columns::of("task_payload", &row)?.bytes("payload"))
            .transpose()
    }
}

fn push_filter(query: &mut QueryBuilder<Sqlite>, filter: &TaskFilter) {
    if let Some(tenant) = &filter.tenant {
        query
            .push(" AND tenant = ")
            .push_bind(tenant.as_str().to_owned());
    }
    if let Some(framework) = &filter.framework {
        query
            .push(" AND framework = ")
            .push_bind(framework.as_str().to_owned());
    }
    if let Some(agent) = &filter.agent {
        query
            .push(" AND agent = ")
            .push_bind(agent.as_str().to_owned());
    }
    if let Some(task) = &filter.task {
        query
            .push(" AND task = ")
            .push_bind(task.as_str().to_owned());
    }
    match filter.group {
        // A task that has not ended is never archived: saying so lets the index of live tasks serve.
        Some(TaskGroup::Active) => query.push(" AND archived = 0 AND terminal = 0"),
        Some(TaskGroup::Completed) => query.push(" AND terminal = 1"),
        None => query,
    };
    if let Some(prefix) = &filter.task_prefix {
        // Not LIKE: the text may contain its wildcards.
        query
            .push(" AND substr(task, 1, length(")
            .push_bind(prefix.clone());
        query.push(")) = ").push_bind(prefix.clone());
    }
}
