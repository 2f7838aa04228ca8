//! `/tasks`, and the tasks within `/state` and `/frameworks`.

use insula_store::{PAGE_ROWS_MAX, TaskFilter};
use insula_types::TaskState;
use insula_types::record::TaskRow;
use serde::Serialize;

use super::Source;
use super::parameters::Parameters;
use super::resources::Flat;
use super::writer::{End, Writer};

#[derive(Serialize)]
struct Task<'a> {
    id: &'a str,
    name: &'a str,
    framework_id: &'a str,
    /// Empty for a task with a command, as in Mesos.
    executor_id: &'a str,
    slave_id: &'a str,
    state: TaskState,
    resources: Flat<'a>,
    role: &'a str,
    /// The latest only.
    statuses: [Status; 1],
}

#[derive(Serialize)]
struct Status {
    state: TaskState,
    timestamp: f64,
}

/// Writes `/tasks`: the tasks launched last come first.
pub(super) async fn write(
    source: &Source,
    parameters: &Parameters,
    out: &mut Writer,
) -> Result<(), End> {
    out.text(r#"{"tasks":["#);
    let filter = TaskFilter {
        tenant: Some(source.tenant.clone()),
        framework: parameters.framework_id.as_deref().map(Into::into),
        task_prefix: parameters.task_id.clone(),
        ..TaskFilter::default()
    };
    let mut skipped = 0;
    let mut left = parameters.limit;
    let mut pages = Pages::of(source, filter);
    'pages: while let Some(rows) = pages.next().await? {
        for row in &rows {
            let wanted = parameters.task_id.as_deref();
            if wanted.is_some_and(|wanted| wanted != row.key.task.as_str()) {
                continue;
            }
            if skipped < parameters.offset {
                skipped += 1;
                continue;
            }
            if left == 0 {
                break 'pages;
            }
            left -= 1;
            task(row, out).await?;
        }
    }
    out.text("]}");
    Ok(())
}

/// Writes the tasks that pass both filters; says whether any did not pass the second one.
pub(super) async fn list(
    source: &Source,
    filter: TaskFilter,
    shown: impl Fn(TaskState) -> bool,
    out: &mut Writer,
) -> Result<bool, End> {
    let mut others = false;
    let mut pages = Pages::of(source, filter);
    while let Some(rows) = pages.next().await? {
        for row in &rows {
            if shown(row.status.state) {
                task(row, out).await?;
            } else {
                others = true;
            }
        }
    }
    Ok(others)
}

async fn task(row: &TaskRow, out: &mut Writer) -> Result<(), End> {
    let executor = row.status.executor.as_ref();
    let shown = Task {
        id: row.key.task.as_str(),
        name: &row.name,
        framework_id: row.key.framework.framework.as_str(),
        executor_id: executor.map_or("", |executor| executor.as_str()),
        slave_id: row.agent.as_str(),
        state: row.status.state,
        resources: Flat(&row.resources),
        role: &row.role,
        statuses: [Status {
            state: row.status.state,
            timestamp: row.status.at.as_secs_f64(),
        }],
    };
    out.item(&shown).await
}

/// The tasks that pass a filter, a page at a time.
struct Pages<'a> {
    source: &'a Source,
    filter: TaskFilter,
    after: Option<insula_types::LaunchId>,
    more: bool,
}

impl<'a> Pages<'a> {
    fn of(source: &'a Source, filter: TaskFilter) -> Self {
        Self {
            source,
            filter,
            after: None,
            more: true,
        }
    }

    async fn next(&mut self) -> Result<Option<Vec<TaskRow>>, End> {
        if !self.more {
            return Ok(None);
        }
        let Source { store, cell, .. } = self.source;
        let page = store
            .tasks(cell, &self.filter, self.after, PAGE_ROWS_MAX)
            .await?;
        self.more = page.more;
        self.after = page.rows.last().map(|row| row.launch);
        Ok(Some(page.rows))
    }
}
