//! Lists and single rows for the API (rule R13).

use bytes::Bytes;
use insula_types::record::{AgentRow, FrameworkRow, RequestRow, RoleRow, TaskRow};
use insula_types::{AgentId, CellId, FrameworkKey, LaunchId, TaskId, TaskKey, TenantId};

use super::Store;
use super::run::Snapshot;
use crate::page::cut;
use crate::rows::{AnyRow, Query, agent, cell, framework, request, role, task};
use crate::{CommitNo, Error, PAGE_ROWS_MAX, Page, TaskFilter};

impl Store {
    /// Roles with settings of their own, by path, starting after `after`.
    ///
    /// # Errors
    /// If the database does not answer, or a row cannot be read.
    pub async fn roles(
        &self,
        cell: &CellId,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Page<RoleRow>, Error> {
        let view = self.view(cell, limit).await?;
        let query = role::page(cell, after, view.fetch);
        view.page(query, role::decode).await
    }

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
        let view = self.view(cell, limit).await?;
        let query = agent::page(cell, after, view.fetch);
        view.page(query, agent::decode).await
    }

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
        let view = self.view(cell, limit).await?;
        let query = framework::page(cell, tenant, after, view.fetch);
        view.page(query, framework::decode).await
    }

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
        let view = self.view(cell, limit).await?;
        let query = task::page(self.places(), cell, filter, after, view.fetch);
        view.page(query, task::decode).await
    }

    /// The latest start of a task id, if there was one and history still has it.
    ///
    /// # Errors
    /// If the database does not answer, or the row cannot be read.
    pub async fn task(&self, cell: &CellId, key: &TaskKey) -> Result<Option<TaskRow>, Error> {
        let query = task::latest(self.places(), cell, key);
        self.first(query, "read a task", task::decode).await
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
        let query = task::payload(cell, launch);
        self.first(query, "read a task description", task::decode_payload)
            .await
    }

    /// Requests that are not withdrawn, by tenant and task id, starting after `after`; only one
    /// tenant's if a tenant is given.
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
        let view = self.view(cell, limit).await?;
        let query = request::page(cell, tenant, after, view.fetch);
        view.page(query, request::decode).await
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
        let view = self.view(cell, limit).await?;
        let query = request::waiting(cell, tenant, prefix, after, view.fetch);
        view.page(query, request::decode).await
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
        let query = request::one(cell, tenant, task);
        self.first(query, "read a request", request::decode).await
    }

    async fn view(&self, cell: &CellId, limit: usize) -> Result<View, Error> {
        let limit = limit.clamp(1, PAGE_ROWS_MAX);
        let mut snapshot = self.snapshot().await?;
        let numbers = snapshot
            .all(cell::as_of(cell), "read a head", cell::decode_as_of)
            .await?;
        let as_of = numbers.into_iter().next();
        Ok(View {
            snapshot,
            as_of: as_of.ok_or_else(|| Error::CellUnknown(cell.clone()))?,
            limit,
            fetch: i64::try_from(limit).unwrap_or(i64::MAX).saturating_add(1),
        })
    }
}

/// One snapshot, opened for one page of a list.
struct View {
    snapshot: Snapshot,
    as_of: CommitNo,
    limit: usize,
    /// Rows to read: one more than the page has, which tells whether the list goes on.
    fetch: i64,
}

impl View {
    async fn page<T>(
        mut self,
        query: Query<'_>,
        decode: impl Fn(AnyRow<'_>) -> Result<T, Error>,
    ) -> Result<Page<T>, Error> {
        let rows = self.snapshot.all(query, "list rows", decode).await?;
        Ok(cut(rows, self.limit, self.as_of))
    }
}
