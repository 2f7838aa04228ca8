//! Finds a task by the id that a person typed.

use insula_store::{PAGE_ROWS_MAX, TaskFilter};
use insula_types::framework::BUILT_IN;
use insula_types::record::{RequestRow, TaskRow};
use insula_types::{ErrorCode, FrameworkId, FrameworkKey, TaskId, TaskKey};

use super::ApiError;
use crate::auth::TenantContext;
use crate::service::Service;

/// A task of the tenant: a request to the built-in framework, its latest start, or both; or the
/// latest start of another framework's task.
pub(super) struct Found {
    /// The request, as long as it may still be started, or if it was taken back before.
    pub(super) request: Option<RequestRow>,
    /// The latest start.
    pub(super) row: Option<TaskRow>,
}

impl Found {
    /// The start that is under way or was the last; none while the request waits to be started.
    pub(super) fn current(&self) -> Option<&TaskRow> {
        let row = self.row.as_ref()?;
        match &self.request {
            Some(request) => request
                .launch
                .is_some_and(|launch| launch == row.launch)
                .then_some(row),
            None => Some(row),
        }
    }
}

/// The key of a task of the tenant's built-in framework.
pub(super) fn built_in(context: &TenantContext, task: TaskId) -> TaskKey {
    let framework = FrameworkId::from(BUILT_IN);
    TaskKey {
        framework: FrameworkKey {
            tenant: context.tenant.clone(),
            framework,
        },
        task,
    }
}

/// What is said of a task that does not exist.
pub(super) fn missing(id: &str) -> ApiError {
    ApiError::not_found(format!("there is no task '{id}'"))
        .hint("`insula ps --all` lists tasks, those that are over as well")
}

/// How often a request is looked at again because it was just started.
const LOOKS_MAX: usize = 8;

/// A request and its latest start as they were together: a start in between the two reads would look
/// like one that nobody asked for, or like the end of the task.
async fn request_and_start(
    service: &Service,
    context: &TenantContext,
    key: &TaskKey,
) -> Result<(Option<RequestRow>, Option<TaskRow>), ApiError> {
    let launch = |row: &Option<TaskRow>| row.as_ref().map(|row| row.launch);
    let mut before = service.store.task(context.cell.cell(), key).await?;
    for _ in 0..LOOKS_MAX {
        let request = service
            .store
            .request(context.cell.cell(), &context.tenant, &key.task)
            .await?;
        let after = service.store.task(context.cell.cell(), key).await?;
        if launch(&before) == launch(&after) {
            // The end of a start that is to be started again must not be seen with the request as it
            // was before that; once the request is gone, the end is the end.
            let row = if request.is_some() { before } else { after };
            return Ok((request, row));
        }
        before = after;
    }
    Err(ApiError::new(
        ErrorCode::Unavailable,
        format!(
            "task '{}' is started again and again; look once more",
            key.task
        ),
    ))
}

/// Looks first among the built-in framework's tasks, then among all others of the tenant.
pub(super) async fn find(
    service: &Service,
    context: &TenantContext,
    id: &str,
) -> Result<Found, ApiError> {
    let task = TaskId::new(id).map_err(|_| missing(id))?;
    let key = built_in(context, task);
    let (request, row) = request_and_start(service, context, &key).await?;
    if request.is_some() || row.is_some() {
        return Ok(Found { request, row });
    }
    let filter = TaskFilter {
        tenant: Some(context.tenant.clone()),
        task: Some(key.task),
        ..TaskFilter::default()
    };
    // Frameworks may use the same id; the latest start is what somebody is most likely to mean.
    let mut page = service
        .store
        .tasks(context.cell.cell(), &filter, None, 1)
        .await?;
    let row = Some(page.rows.pop().ok_or_else(|| missing(id))?);
    Ok(Found { request: None, row })
}

/// One of several starts of a task of the built-in framework, counted from 0.
pub(super) async fn attempt(
    service: &Service,
    context: &TenantContext,
    id: &str,
    attempt: u32,
) -> Result<TaskRow, ApiError> {
    let filter = TaskFilter {
        tenant: Some(context.tenant.clone()),
        framework: Some(FrameworkId::from(BUILT_IN)),
        task: Some(TaskId::from(id)),
        ..TaskFilter::default()
    };
    // Starts are bounded by the retries that may be asked for, so they fit a page.
    let starts = service
        .store
        .tasks(context.cell.cell(), &filter, None, PAGE_ROWS_MAX)
        .await?;
    let mut starts = starts.rows.into_iter();
    starts
        .find(|row| row.attempt == attempt)
        .ok_or_else(|| no_start(id, attempt))
}

/// What is said of a start that does not exist.
pub(super) fn no_start(id: &str, attempt: u32) -> ApiError {
    ApiError::not_found(format!("there is no start number {attempt} of task '{id}'"))
}
