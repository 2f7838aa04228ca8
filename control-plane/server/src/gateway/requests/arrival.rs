//! A request that has arrived.

use std::convert::Infallible;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use axum::extract::FromRequestParts;
use http::request::Parts;
use http::{Extensions, HeaderMap};
use insula_telemetry::{extract, fresh};
use insula_types::{AgentId, CellId, FrameworkId, TenantId, TraceContext};

/// Tasks that a request's span points to; what a span may have of links.
const TASKS_MAX: usize = 128;

/// Where a request stands in traces, and what is noted of it while it is served. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Arrival(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    at: SystemTime,
    caller: TraceContext,
    context: TraceContext,
    notes: Mutex<Notes>,
}

/// What handlers have found out about a request.
#[derive(Debug, Clone, Default)]
pub(super) struct Notes {
    pub(super) tenant: Option<TenantId>,
    pub(super) cell: Option<CellId>,
    pub(super) agent: Option<AgentId>,
    pub(super) framework: Option<FrameworkId>,
    pub(super) call: Option<&'static str>,
    /// The first of the tasks that it asks for.
    pub(super) tasks: Vec<TraceContext>,
    /// How many it asks for.
    pub(super) tasks_count: usize,
    /// What else it has to do with.
    pub(super) links: Vec<TraceContext>,
}

impl Arrival {
    /// Now, with the caller's own context and that of the request's span.
    pub(super) fn new(caller: TraceContext, context: TraceContext) -> Self {
        Self(Arc::new(Inner {
            at: SystemTime::now(),
            caller,
            context,
            notes: Mutex::default(),
        }))
    }

    /// That of a request; one of its own if it did not come through the router.
    pub(crate) fn of(extensions: &Extensions, headers: &HeaderMap) -> Self {
        let found = extensions.get::<Self>().cloned();
        found.unwrap_or_else(|| Self::new(extract(headers), fresh()))
    }

    /// When it arrived.
    pub(crate) fn at(&self) -> SystemTime {
        self.0.at
    }

    /// The trace of the caller as it was given; empty if there is none.
    pub(crate) fn caller(&self) -> &TraceContext {
        &self.0.caller
    }

    /// What messages that follow from the request carry.
    pub(crate) fn context(&self) -> &TraceContext {
        &self.0.context
    }

    /// For whom it is, and about which cell.
    pub(crate) fn speaks_for(&self, tenant: &TenantId, cell: &CellId) {
        let mut notes = self.notes();
        notes.tenant = Some(tenant.clone());
        notes.cell = Some(cell.clone());
    }

    /// Which agent has sent it.
    pub(crate) fn comes_from(&self, agent: &AgentId) {
        self.notes().agent = Some(agent.clone());
    }

    /// Which framework calls, and what, as Mesos names it.
    pub(crate) fn calls(&self, framework: &FrameworkId, call: &'static str) {
        let mut notes = self.notes();
        notes.framework = Some(framework.clone());
        notes.call = Some(call);
    }

    /// Which tasks it asks for.
    pub(super) fn asks_for<'a>(&self, tasks: impl ExactSizeIterator<Item = &'a TraceContext>) {
        let mut notes = self.notes();
        notes.tasks_count = tasks.len();
        notes.tasks = tasks.take(TASKS_MAX).cloned().collect();
    }

    /// What else it has to do with; of the many requests of one client, each a handful at most.
    pub(crate) fn concerns(&self, other: &TraceContext) {
        self.notes().links.push(other.clone());
    }

    /// What was noted so far.
    pub(super) fn notes(&self) -> MutexGuard<'_, Notes> {
        self.0.notes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<S: Sync> FromRequestParts<S> for Arrival {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        Ok(Self::of(&parts.extensions, &parts.headers))
    }
}
