//! Why a task is as it is.

use insula_types::why::Why;
use insula_types::{TaskKey, TaskState};

use crate::Kernel;
use crate::framework::Side;
use crate::task::Task;

impl Kernel {
    /// Why a task is as it is, the decisive reason first; nothing if its framework cannot name it any
    /// more. For a tenant's built-in framework a waiting request counts as its task.
    #[must_use]
    pub fn why_task(&self, task: &TaskKey) -> Option<Vec<Why>> {
        let idx = self.frameworks.find(&task.framework)?;
        if let Some(launch) = self.tasks.named(idx, &task.task) {
            return self.tasks.get(launch).map(|task| self.why_started(task));
        }
        match self.frameworks.get(idx).side {
            Side::BuiltIn => self.why_request(&task.framework.tenant, &task.task),
            Side::Client(_) => None,
        }
    }

    pub(crate) fn why_started(&self, task: &Task) -> Vec<Why> {
        let status = &task.row.status;
        let state = Why::State {
            state: status.state,
            message: status.message.clone(),
        };
        let waits = Why::WaitsForAgent {
            agent: task.row.agent.clone(),
            connected: self.agents.get(task.agent).connected,
        };
        match status.state {
            TaskState::Staging => vec![waits],
            TaskState::Unreachable => vec![state, waits],
            _ => vec![state],
        }
    }
}
