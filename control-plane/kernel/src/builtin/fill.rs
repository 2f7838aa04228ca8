//! The built-in framework takes what it is allocated, in the same step.

use insula_types::record::{AgentRow, Record, RequestRow};
use insula_types::request::TaskRequest;
use insula_types::{Resources, TaskId, TenantId, Time, TraceContext};

use crate::Kernel;
use crate::allocator::Allocation;
use crate::builtin::{Requests, Shape};
use crate::framework::launch::{Start, check_kind};
use crate::out::Out;

/// Most shapes of requests that are tried on one allocation, the oldest first. So many different
/// shapes of which none fits anywhere would hold up younger ones; a tenant has a handful as a rule.
const SHAPES_MAX: usize = 1_000;

impl Kernel {
    /// Launches the waiting requests that fit, the oldest first, and gives the rest back.
    ///
    /// `launches_left` is what the step may still launch. When it runs out, the rest is given back
    /// without a filter, so that the next step goes on here.
    pub(crate) fn fill(
        &mut self,
        allocation: Allocation,
        launches_left: &mut usize,
        out: &mut Out,
    ) {
        let idx = allocation.framework;
        let tenant = self.frameworks.get(idx).key.tenant.clone();
        let mut left = allocation.resources;
        while *launches_left > 0
            && let Some(task) = self.first_fit(&tenant, &allocation.agent, &left)
        {
            *launches_left -= 1;
            let Some(used) = self.start_request(&tenant, &task, &allocation.agent, out) else {
                break;
            };
            left.subtract(&used);
        }
        self.send_commands(allocation.agent, out);
        if left.is_empty() {
            return;
        }
        let (role, agent) = (&allocation.role, allocation.agent);
        self.allocator.release(idx, role, agent, &left);
        if *launches_left == 0 {
            return;
        }
        // A full cell refuses what would fit, and no new shape comes to lift such a filter: it ends
        // by itself.
        let until = match self.is_full() {
            true => self.now + self.config.offer_lease_contended,
            false => Time::NEVER,
        };
        self.allocator.filter(idx, role, agent, &left, until);
    }

    /// Whether the cell holds as many tasks as it may.
    fn is_full(&self) -> bool {
        self.tasks.len() >= self.config.tasks_max
    }

    /// The oldest waiting request that the agent can run within these resources.
    fn first_fit(
        &self,
        tenant: &TenantId,
        agent: &crate::allocator::AgentKey,
        left: &Resources,
    ) -> Option<TaskId> {
        if self.is_full() {
            return None;
        }
        let requests: &Requests = self.requests.get(tenant)?;
        let agent = &self.agents.get(*agent).row;
        requests
            .heads
            .values()
            .take(SHAPES_MAX)
            .filter_map(|shape: &Shape| requests.first_of(shape))
            .find(|row| suits(&row.request, agent) && left.contains(&row.request.resources))
            .map(|row| row.request.task.clone())
    }

    fn start_request(
        &mut self,
        tenant: &TenantId,
        task: &TaskId,
        agent: &crate::allocator::AgentKey,
        out: &mut Out,
    ) -> Option<Resources> {
        self.request_waits_no_more(tenant, task);
        let requests = self.requests.get_mut(tenant)?;
        let framework = requests.framework;
        let start = start_of(requests.rows.get(task)?);
        let used = start.resources.clone();
        let launch = self.start_task(framework, *agent, crate::builtin::ROLE, start, out);
        let row = self.requests.get_mut(tenant)?.rows.get_mut(task)?;
        row.launch = Some(launch);
        row.attempts = row.attempts.saturating_add(1);
        out.persist(Record::Request(Box::new(row.clone())));
        Some(used)
    }
}

/// Whether an agent can run a request, however much of it is free.
pub(crate) fn suits(request: &TaskRequest, agent: &AgentRow) -> bool {
    let has = |constraint: &(String, String)| agent.info.attributes.contains(constraint);
    check_kind(request.kind, &agent.info.capabilities).is_ok()
        && request.constraints.iter().all(has)
}

/// The trace of a request's next start: a retry is one of its own, which leads back to the first.
pub(crate) fn next_trace(row: &RequestRow) -> TraceContext {
    match row.attempts {
        0 => row.request.trace.clone(),
        attempt => row.request.trace.again(attempt),
    }
}

fn start_of(row: &RequestRow) -> Start {
    let request = &row.request;
    Start {
        task: request.task.clone(),
        name: request.name.clone(),
        kind: request.kind,
        resources: request.resources.clone(),
        user: String::new(),
        executor: None,
        payload: request.payload.clone(),
        attempt: row.attempts,
        submitted: Some(row.submitted_at),
        trace: next_trace(row),
    }
}
