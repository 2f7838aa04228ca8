//! Statuses that a framework's session asked for or is owed, sent in slices (rule R12).

use std::collections::VecDeque;

use insula_types::message::ToFramework;
use insula_types::{
    AgentId, FrameworkKey, LaunchId, SessionId, TaskId, TaskState, TaskStatus, TraceContext,
};

use crate::Kernel;
use crate::allocator::FrameworkIdx;
use crate::out::Out;
use crate::task::following;
use crate::task::status::{face, reconciled};
use crate::work::Work;

/// One answer under way. Where it goes over the framework's tasks, `after` is the last one done.
#[derive(Debug)]
pub(crate) enum Answer {
    /// Updates that an earlier session did not acknowledge.
    Owed { after: Option<LaunchId> },
    /// The state of every task: an implicit reconciliation.
    Everything { after: Option<LaunchId> },
    /// The state of the named tasks: an explicit reconciliation.
    Named(VecDeque<(TaskId, Option<AgentId>)>),
}

/// How much of long answers is on its way to one session (rule R12).
#[derive(Debug, Default)]
pub(crate) struct Flow {
    /// Statuses since the last mark.
    sent: usize,
    /// Marks so far.
    marks: u64,
    /// Whether the last of them has not been reached: nothing goes on until it is.
    stands: bool,
}

impl Kernel {
    /// Queues the updates that the framework has not acknowledged, and sends the first slice: a new
    /// session does not wait for the agents to try again.
    pub(crate) fn owe_pending(&mut self, idx: FrameworkIdx, out: &mut Out) {
        self.queue_answer(idx, Answer::Owed { after: None });
        self.answer(idx, out);
    }

    pub(crate) fn queue_answer(&mut self, idx: FrameworkIdx, answer: Answer) {
        if let Some(client) = self.frameworks.get_mut(idx).client_mut() {
            client.answers.push_back(answer);
        }
    }

    /// Sends a slice of the framework's first answer, unless the session has enough to do.
    pub(crate) fn answer(&mut self, idx: FrameworkIdx, out: &mut Out) {
        let client = self.frameworks.get_mut(idx).client_mut();
        let flowing = client.filter(|client| !client.flow.stands);
        let Some(answer) = flowing.and_then(|client| client.answers.pop_front()) else {
            return;
        };
        let before = out.len();
        let rest = match answer {
            Answer::Owed { after } => self
                .send_owed(idx, after, out)
                .map(|after| Answer::Owed { after: Some(after) }),
            Answer::Everything { after } => self
                .send_everything(idx, after, out)
                .map(|after| Answer::Everything { after: Some(after) }),
            Answer::Named(tasks) => self.send_named(idx, tasks, out).map(Answer::Named),
        };
        let Some(client) = self.frameworks.get_mut(idx).client_mut() else {
            return;
        };
        if let Some(rest) = rest {
            client.answers.push_front(rest);
        }
        client.flow.sent += out.len() - before;
        if client.answers.is_empty() {
            return;
        }
        if client.flow.sent < self.config.window {
            self.work.push(Work::Answer { framework: idx });
        } else {
            self.set_mark(idx, out);
        }
    }

    /// What is left waits until the session has come so far.
    fn set_mark(&mut self, idx: FrameworkIdx, out: &mut Out) {
        let peer = self.frameworks.get(idx).peer();
        let client = self.frameworks.get_mut(idx).client_mut();
        if let (Some(peer), Some(client)) = (peer, client) {
            client.flow.stands = true;
            client.flow.marks += 1;
            out.tell_framework(peer, ToFramework::Mark(client.flow.marks));
        }
    }

    /// The session has come to a mark of a long answer; another one than the last is no news.
    pub(crate) fn answer_reached(&mut self, key: &FrameworkKey, session: &SessionId, mark: u64) {
        let Some(idx) = self.frameworks.find(key) else {
            return;
        };
        if self.frameworks.get(idx).session() != Some(session) {
            return;
        }
        let Some(client) = self.frameworks.get_mut(idx).client_mut() else {
            return;
        };
        if client.flow.marks == mark && client.flow.stands {
            client.flow.stands = false;
            client.flow.sent = 0;
            self.work.push(Work::Answer { framework: idx });
        }
    }

    fn send_owed(
        &mut self,
        idx: FrameworkIdx,
        after: Option<LaunchId>,
        out: &mut Out,
    ) -> Option<LaunchId> {
        let (some, rest) = self.next_tasks(idx, after);
        for launch in some {
            let task = self.tasks.get(launch);
            if task.is_some_and(|task| task.pending().is_some()) {
                self.deliver(launch, out);
            }
        }
        rest
    }

    fn send_everything(
        &self,
        idx: FrameworkIdx,
        after: Option<LaunchId>,
        out: &mut Out,
    ) -> Option<LaunchId> {
        let (some, rest) = self.next_tasks(idx, after);
        for task in some.iter().filter_map(|launch| self.tasks.get(*launch)) {
            let synced = self.agents.get(task.agent).synced;
            if synced && task.is_visible() && task.row.status.state != TaskState::Unreachable {
                let status = reconciled(&task.row, self.now);
                self.send_status(idx, &task.row.trace, status, out);
            }
        }
        rest
    }

    fn send_named(
        &self,
        idx: FrameworkIdx,
        mut tasks: VecDeque<(TaskId, Option<AgentId>)>,
        out: &mut Out,
    ) -> Option<VecDeque<(TaskId, Option<AgentId>)>> {
        let count = tasks.len().min(self.config.slice);
        for (task, agent) in tasks.drain(..count) {
            if let Some((trace, status)) = self.reconciliation(idx, &task, agent.as_ref()) {
                self.send_status(idx, &trace, status, out);
            }
        }
        (!tasks.is_empty()).then_some(tasks)
    }

    /// A slice of the framework's tasks, and the last of them unless the slice is the end.
    fn next_tasks(
        &self,
        idx: FrameworkIdx,
        after: Option<LaunchId>,
    ) -> (Vec<LaunchId>, Option<LaunchId>) {
        let slice = self.config.slice;
        let some = following(&self.frameworks.get(idx).tasks, after, slice);
        let rest = some.last().copied().filter(|_| some.len() == slice);
        (some, rest)
    }

    /// Sends a status of a task with that trace once, as the framework understands it.
    pub(crate) fn send_status(
        &self,
        idx: FrameworkIdx,
        trace: &TraceContext,
        status: TaskStatus,
        out: &mut Out,
    ) {
        let framework = self.frameworks.get(idx);
        if let Some(peer) = framework.peer() {
            let status = face(status, framework.capabilities());
            out.tell_status(peer, trace.clone(), status);
        }
    }
}
