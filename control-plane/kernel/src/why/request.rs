//! Why a request still waits.

use insula_types::why::Why;
use insula_types::{TaskId, TaskState, TenantId};

use crate::Kernel;
use crate::builtin::{ROLE, Requests};

impl Kernel {
    /// Why a request still waits, the decisive reason first, or how its task is if it was started;
    /// nothing if there is no such request.
    #[must_use]
    pub fn why_request(&self, tenant: &TenantId, task: &TaskId) -> Option<Vec<Why>> {
        let requests = self.requests.get(tenant)?;
        let row = requests.rows.get(task)?;
        if let Some(launch) = row.launch {
            return self.tasks.get(launch).map(|task| self.why_started(task));
        }
        let mut reasons = self.why_no_agent_fits(&row.request);
        if reasons.is_empty() {
            reasons = self.why_not_allocated(requests);
        }
        if row.attempts > 0 {
            reasons.push(Why::WillRetry {
                after: self.last_state(requests, task),
                left: row.request.retries,
            });
        }
        Some(reasons)
    }

    /// An agent has room for the request: then a limit or somebody else's turn is in the way.
    fn why_not_allocated(&self, requests: &Requests) -> Vec<Why> {
        let id = |agent| self.agents.get(agent).row.agent.clone();
        let explained = self
            .allocator
            .explain(requests.framework, ROLE, self.now, id);
        let decisive: Vec<Why> = explained
            .into_iter()
            .filter(|why| matches!(why, Why::QuotaLimit { .. } | Why::OthersFirst))
            .collect();
        if decisive.is_empty() {
            return vec![Why::Imminent];
        }
        decisive
    }

    /// The state that the last start ended in, as far as it is still known; a start that is history
    /// already counts as failed.
    fn last_state(&self, requests: &Requests, task: &TaskId) -> TaskState {
        let launches = self.frameworks.get(requests.framework).tasks.iter().rev();
        launches
            .filter_map(|launch| self.tasks.get(*launch))
            .find(|each| each.row.key.task == *task)
            .map_or(TaskState::Failed, |each| each.row.status.state)
    }
}
