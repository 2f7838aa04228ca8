//! RECONCILE: what a framework may be told about its tasks, and when to keep silent.

use std::collections::VecDeque;

use insula_types::{AgentId, TaskId, TaskState, TaskStatus, TraceContext};

use crate::allocator::FrameworkIdx;
use crate::framework::answer::Answer;
use crate::out::Out;
use crate::task::status::{reconciled, unknown};
use crate::{Kernel, Rejection};

/// Most tasks that one framework may have asked about without having been answered; Mesos' largest
/// published cluster runs as many tasks in all.
const NAMED_MAX: usize = 100_000;

impl Kernel {
    /// Answers about the named tasks, or about all of them if none is named.
    pub(crate) fn reconcile(
        &mut self,
        idx: FrameworkIdx,
        tasks: Vec<(TaskId, Option<AgentId>)>,
        out: &mut Out,
    ) -> Result<(), Rejection> {
        if tasks.is_empty() {
            if !self.everything_is_queued(idx) {
                self.queue_answer(idx, Answer::Everything { after: None });
            }
        } else {
            let asked = self.named_queued(idx) + tasks.len();
            if asked > NAMED_MAX {
                return Err(Rejection::TooMany {
                    what: "tasks to reconcile".into(),
                    limit: NAMED_MAX,
                });
            }
            self.queue_answer(idx, Answer::Named(VecDeque::from(tasks)));
        }
        self.answer(idx, out);
        Ok(())
    }

    /// Whether a full answer that has not begun waits already; one more would say the same.
    fn everything_is_queued(&self, idx: FrameworkIdx) -> bool {
        self.frameworks.get(idx).client().is_some_and(|client| {
            let waits = |answer: &Answer| matches!(answer, Answer::Everything { after: None });
            client.answers.iter().any(waits)
        })
    }

    fn named_queued(&self, idx: FrameworkIdx) -> usize {
        let count = |answer: &Answer| match answer {
            Answer::Named(tasks) => tasks.len(),
            Answer::Owed { .. } | Answer::Everything { .. } => 0,
        };
        let client = self.frameworks.get(idx).client();
        client.map_or(0, |client| client.answers.iter().map(count).sum())
    }

    /// What is known of one task, with its trace; nothing while an agent that may hold it has not registered since
    /// the kernel was loaded (rule R25).
    ///
    /// Source: `Master::reconcile` of Mesos 1.11.
    pub(crate) fn reconciliation(
        &self,
        idx: FrameworkIdx,
        task: &TaskId,
        agent: Option<&AgentId>,
    ) -> Option<(TraceContext, TaskStatus)> {
        if let Some(launch) = self.tasks.named(idx, task) {
            let task = self.tasks.get(launch)?;
            let settled = self.agents.get(task.agent).synced
                || task.row.status.state == TaskState::Unreachable;
            return settled.then(|| (task.row.trace.clone(), reconciled(&task.row, self.now)));
        }
        let (state, since) = self.state_of_unknown(agent)?;
        let status = unknown(task.clone(), agent.cloned(), state, since, self.now);
        Some((TraceContext::default(), status))
    }

    fn state_of_unknown(
        &self,
        agent: Option<&AgentId>,
    ) -> Option<(TaskState, Option<insula_types::Time>)> {
        let Some(id) = agent else {
            let settled = self
                .agents
                .iter()
                .all(|agent| agent.synced || agent.is_unreachable());
            return settled.then_some((TaskState::Unknown, None));
        };
        let Some(key) = self.agents.find(id) else {
            return Some((TaskState::Unknown, None));
        };
        let agent = self.agents.get(key);
        if let Some(since) = agent.unreachable_since() {
            return Some((TaskState::Unreachable, Some(since)));
        }
        agent.synced.then_some((TaskState::Gone, None))
    }
}
