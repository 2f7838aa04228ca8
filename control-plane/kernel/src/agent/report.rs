//! What a registering agent holds, against what the rows say.

use insula_types::message::TaskReport;
use insula_types::{LaunchId, Reason, TaskState};

use crate::Kernel;
use crate::allocator::AgentKey;
use crate::out::Out;
use crate::task::status::about;
use crate::task::transition::{Transition, transition};

impl Kernel {
    /// The agent holds a task.
    pub(crate) fn take_report(&mut self, key: AgentKey, report: &TaskReport, out: &mut Out) {
        let launch = report.launch;
        let Some(task) = self.tasks.get_mut(launch).filter(|task| task.agent == key) else {
            let now = self.now;
            self.agents.get_mut(key).strangers.meet(launch, now);
            return;
        };
        self.agents.get_mut(key).absent.remove(&launch);
        let state = task.row.status.state;
        if state == TaskState::Unreachable {
            self.task_returns(launch, report, out);
            return;
        }
        if state.is_terminal() {
            // It ended for us while the agent could not hear of it, with its framework for example.
            if !report.state.is_terminal() && task.row.ack.is_none() {
                self.kill_again(key, launch, out);
            }
            return;
        }
        if task.row.status.uuid.is_some() && report.pending != task.row.status.uuid {
            task.acked = true;
        }
        let is_newer = report.last.is_some() && report.last != task.row.last_uuid;
        if is_newer && report.pending.is_none() {
            self.task_is_ahead(launch, report, out);
        }
    }

    /// The task's latest update was acknowledged, and the row knows nothing of it: it was written by
    /// an owner whose rows were rolled back, or forgotten while the agent was out of reach.
    fn task_is_ahead(&mut self, launch: LaunchId, report: &TaskReport, out: &mut Out) {
        let Some(task) = self.tasks.get_mut(launch) else {
            return;
        };
        task.row.last_uuid = report.last;
        let state = task.row.status.state;
        let is_news = state != report.state && !report.state.is_terminal();
        if is_news && transition(state, report.state) == Transition::Applied {
            self.task_is_seen(launch, report, "Agent re-registered", out);
        } else {
            self.persist_task(launch, out);
        }
    }

    /// A task of an agent that was unreachable is there again. One that has ended meanwhile is told
    /// by the update that its agent still holds.
    fn task_returns(&mut self, launch: LaunchId, report: &TaskReport, out: &mut Out) {
        let Some(task) = self.tasks.get(launch) else {
            return;
        };
        let applies = transition(task.row.status.state, report.state) == Transition::Applied;
        if report.state.is_terminal() || !applies {
            return;
        }
        // An update that still waits is to be forwarded when it comes; a settled one is known.
        if let (None, Some(task)) = (report.pending, self.tasks.get_mut(launch)) {
            task.row.last_uuid = report.last;
        }
        self.task_is_seen(launch, report, "Unreachable agent re-registered", out);
    }

    /// Puts a task into the state that its agent found it in.
    fn task_is_seen(
        &mut self,
        launch: LaunchId,
        report: &TaskReport,
        message: &str,
        out: &mut Out,
    ) {
        let Some(task) = self.tasks.get(launch) else {
            return;
        };
        let reason = Reason::AgentReregistered;
        let status = about(&task.row, report.state, reason, message, self.now);
        self.set_status(launch, status, out);
        self.persist_task(launch, out);
        self.deliver(launch, out);
    }

    /// Deals with a task that its agent did not report, and tells whether the agent should have: it
    /// confirmed the launch, so the task was there and is no more.
    pub(crate) fn is_missing(&mut self, launch: LaunchId, out: &mut Out) -> bool {
        let Some(task) = self.tasks.get(launch) else {
            return false;
        };
        let (key, state) = (task.agent, task.row.status.state);
        let never_applied = task.row.launch_seq > self.agents.get(task.agent).watermark;
        if state.is_terminal() {
            self.agents.get_mut(key).absent.insert(launch);
            self.archive_if_done(launch, out);
            return false;
        }
        if never_applied && state == TaskState::Unreachable {
            // Its launch was on the way when the agent went out of reach. It was reported lost, so it
            // becomes a no-op and stays lost (rule R22).
            self.task_ends_here(
                launch,
                TaskState::Dropped,
                Reason::AgentReregistered,
                "The agent went out of reach before it received the task, which was not started",
                out,
            );
            return false;
        }
        !never_applied
    }

    /// A task that its agent had is no more, and nobody will ever report how it ended.
    pub(crate) fn task_is_missing(&mut self, launch: LaunchId, out: &mut Out) {
        self.task_ends_here(
            launch,
            TaskState::Gone,
            Reason::AgentUnknown,
            "The agent registered again without the task",
            out,
        );
    }

    /// Ends a task that its agent does not hold.
    fn task_ends_here(
        &mut self,
        launch: LaunchId,
        state: TaskState,
        reason: Reason,
        message: &str,
        out: &mut Out,
    ) {
        let Some(task) = self.tasks.get(launch) else {
            return;
        };
        if task.row.status.state.is_terminal() {
            return;
        }
        let key = task.agent;
        let status = about(&task.row, state, reason, message, self.now);
        self.agents.get_mut(key).absent.insert(launch);
        self.set_status(launch, status, out);
        self.deliver(launch, out);
        self.settle_end(launch, out);
    }
}
