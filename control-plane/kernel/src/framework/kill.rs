//! KILL, of a framework or of whoever withdraws a request.

use insula_types::event::{Event, EventKind};
use insula_types::{AgentId, LaunchId, Span, TaskId, TaskState};

use crate::Kernel;
use crate::agent::Outgoing;
use crate::allocator::FrameworkIdx;
use crate::framework::answer::Answer;
use crate::out::Out;
use crate::task::status::reconciled;

impl Kernel {
    /// Kills a task. One that is not known is answered like a reconciliation; one that the framework
    /// believes to be on another agent is left alone, as Mesos does.
    pub(crate) fn kill(
        &mut self,
        idx: FrameworkIdx,
        task: &TaskId,
        agent: Option<&AgentId>,
        grace: Option<Span>,
        out: &mut Out,
    ) {
        let Some(launch) = self.tasks.named(idx, task) else {
            let named = [(task.clone(), agent.cloned())].into();
            self.queue_answer(idx, Answer::Named(named));
            self.answer(idx, out);
            return;
        };
        let Some(found) = self.tasks.get(launch) else {
            return;
        };
        if agent.is_some_and(|agent| *agent != found.row.agent) {
            return;
        }
        match found.row.status.state {
            state if state.is_terminal() => {}
            TaskState::Unreachable => {
                // The kill is kept for the agent's return; until then this is what is known.
                let status = reconciled(&found.row, self.now);
                self.send_status(idx, &found.row.trace, status, out);
                self.kill_launch(launch, grace, out);
            }
            _ => self.kill_launch(launch, grace, out),
        }
    }

    /// Tells the agent to kill, now or when it is there again. A repeated kill gets a new number, as
    /// it may shorten the grace period; the old one means nothing then.
    pub(crate) fn kill_launch(&mut self, launch: LaunchId, grace: Option<Span>, out: &mut Out) {
        let Some(task) = self.tasks.get_mut(launch) else {
            return;
        };
        let (key, old) = (task.agent, task.row.kill_seq);
        task.row.kill_grace = grace;
        if let Some(old) = old {
            self.agents.get_mut(key).outbox.remove(&old);
        }
        let seq = self.number_command(key, launch, Outgoing::Kill);
        if let Some(task) = self.tasks.get_mut(launch) {
            task.row.kill_seq = Some(seq);
            out.publish(Event {
                at: self.now,
                trace: task.row.trace.clone(),
                kind: EventKind::KillAsked {
                    task: task.row.key.clone(),
                    launch,
                    agent: task.row.agent.clone(),
                },
            });
        }
        self.persist_task(launch, out);
        self.send_commands(key, out);
    }
}
