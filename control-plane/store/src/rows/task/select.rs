//! Which tasks are wanted.

use insula_types::{CellId, LaunchId, TaskKey};

use super::{PAYLOAD, TABLE};
use crate::page::{TaskFilter, TaskGroup};
use crate::rows::Query;

/// Where a database keeps tasks.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Places {
    /// Those that are not archived.
    pub(crate) live: &'static str,
    /// All.
    pub(crate) all: &'static str,
}

pub(crate) fn live(places: Places, cell: &CellId) -> Query<'_> {
    of_cell(places.live, cell).sql(" ORDER BY launch_epoch, launch_number")
}

/// The descriptions of the tasks whose launch their agent has not confirmed.
pub(crate) fn unconfirmed_payloads(places: Places, cell: &CellId) -> Query<'_> {
    let sql = format!(
        "SELECT task.launch_epoch, task.launch_number, task_payload.payload,
                task_payload.format_version
         FROM {}
         JOIN agent USING (cell, agent)
         JOIN task_payload USING (cell, launch_epoch, launch_number)
         WHERE task.launch_seq > agent.confirmed AND task.cell = ",
        places.live
    );
    Query::new(sql)
        .text(cell.as_str())
        .sql(" ORDER BY task.launch_epoch, task.launch_number")
}

pub(crate) fn page<'a>(
    places: Places,
    cell: &'a CellId,
    filter: &'a TaskFilter,
    after: Option<LaunchId>,
    fetch: i64,
) -> Query<'a> {
    // A task that has not ended is never archived.
    let from = match filter.group {
        Some(TaskGroup::Active) => places.live,
        Some(TaskGroup::Completed) | None => places.all,
    };
    let mut query = filtered(of_cell(from, cell), filter);
    if let Some(after) = after {
        query = query
            .sql(" AND (launch_epoch, launch_number) < ")
            .launch(after);
    }
    query
        .sql(" ORDER BY launch_epoch DESC, launch_number DESC LIMIT ")
        .number(fetch)
}

fn filtered<'a>(query: Query<'a>, filter: &'a TaskFilter) -> Query<'a> {
    let mut query = query.of_tenant(filter.tenant.as_ref());
    if let Some(framework) = &filter.framework {
        query = query.sql(" AND framework = ").text(framework.as_str());
    }
    if let Some(agent) = &filter.agent {
        query = query.sql(" AND agent = ").text(agent.as_str());
    }
    if let Some(task) = &filter.task {
        query = query.sql(" AND task = ").text(task.as_str());
    }
    query = match filter.group {
        Some(TaskGroup::Active) => query.sql(" AND NOT terminal"),
        Some(TaskGroup::Completed) => query.sql(" AND terminal"),
        None => query,
    };
    match &filter.task_prefix {
        Some(prefix) => query.starts_with("task", prefix),
        None => query,
    }
}

/// The latest start of a task id.
pub(crate) fn latest<'a>(places: Places, cell: &'a CellId, key: &'a TaskKey) -> Query<'a> {
    of_cell(places.all, cell)
        .of_tenant(Some(&key.framework.tenant))
        .sql(" AND framework = ")
        .text(key.framework.framework.as_str())
        .sql(" AND task = ")
        .text(key.task.as_str())
        .sql(" ORDER BY launch_epoch DESC, launch_number DESC LIMIT 1")
}

pub(crate) fn payload(cell: &CellId, launch: LaunchId) -> Query<'_> {
    Query::new(PAYLOAD.select(PAYLOAD.name))
        .sql(" WHERE cell = ")
        .text(cell.as_str())
        .sql(" AND (launch_epoch, launch_number) = ")
        .launch(launch)
}

fn of_cell<'a>(from: &str, cell: &'a CellId) -> Query<'a> {
    Query::new(TABLE.select(from))
        .sql(" WHERE cell = ")
        .text(cell.as_str())
}
