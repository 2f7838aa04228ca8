//! Status updates from agents.

use insula_types::message::ToAgent;
use insula_types::{LaunchId, TaskState, TaskStatus, TraceContext, UpdateUuid};

use crate::Kernel;
use crate::agent::Outgoing;
use crate::allocator::AgentKey;
use crate::framework::Side;
use crate::out::Out;
use crate::task::status::face;
use crate::task::transition::{Transition, transition};

impl Kernel {
    /// An agent reports a task's new status, or the same one again because nobody acknowledged it.
    pub(crate) fn agent_update(
        &mut self,
        key: AgentKey,
        launch: LaunchId,
        status: TaskStatus,
        trace: &TraceContext,
        out: &mut Out,
    ) {
        // An agent's updates always have one; without it there is nothing to acknowledge or repeat.
        let Some(uuid) = status.uuid else {
            return;
        };
        let Some(task) = self.tasks.get(launch).filter(|task| task.agent == key) else {
            self.hear_stranger(key, launch, status.state.is_terminal(), trace, out);
            return;
        };
        let (launch_seq, from, last) = (
            task.row.launch_seq,
            task.row.status.state,
            task.row.last_uuid,
        );
        // Commands are applied in order: who reports a launch has applied everything up to it.
        self.confirm_commands(key, launch_seq, out);
        if last == Some(uuid) {
            self.repeated_update(launch, uuid, status.state, out);
            return;
        }
        match transition(from, status.state) {
            Transition::Applied => self.apply_update(launch, status, out),
            Transition::Ended | Transition::Refused => {
                self.dismiss_update(launch, uuid, status.state, out);
            }
        }
    }

    fn apply_update(&mut self, launch: LaunchId, mut status: TaskStatus, out: &mut Out) {
        let Some(task) = self.tasks.get(launch) else {
            return;
        };
        // Of whom an update speaks is known from its launch and not believed from its fields.
        status.task = task.row.key.task.clone();
        status.agent = Some(task.row.agent.clone());
        if status.executor.is_none() {
            status.executor = task.row.status.executor.clone();
        }
        let ended = status.state.is_terminal();
        self.set_status(launch, status, out);
        if ended {
            self.settle_end(launch, out);
        } else {
            self.persist_task(launch, out);
        }
        self.deliver(launch, out);
    }

    /// Sends the pending update of a task to its framework; one that nobody is there to acknowledge
    /// is acknowledged here.
    pub(crate) fn deliver(&mut self, launch: LaunchId, out: &mut Out) {
        let Some(task) = self.tasks.get(launch) else {
            return;
        };
        let framework = self.frameworks.get(task.framework);
        let capabilities = framework.capabilities();
        let unheard = match &framework.side {
            Side::BuiltIn => true,
            Side::Client(_) => {
                framework.is_removed()
                    || (task.row.status.state == TaskState::Killing
                        && !capabilities.task_killing_state)
            }
        };
        if unheard {
            if let (Some(uuid), false) = (task.pending(), task.row.status.state.is_terminal()) {
                self.acknowledge_progress(launch, uuid, out);
            }
            return;
        }
        if let Some(peer) = framework.peer() {
            let status = face(task.row.status.clone(), capabilities);
            out.tell_status(peer, task.row.trace.clone(), status);
        }
    }

    /// A non-terminal update is acknowledged: unnumbered, and without a row (rule R26).
    pub(crate) fn acknowledge_progress(
        &mut self,
        launch: LaunchId,
        uuid: UpdateUuid,
        out: &mut Out,
    ) {
        let Some(task) = self.tasks.get_mut(launch) else {
            return;
        };
        if task.row.status.uuid == Some(uuid) {
            task.acked = true;
        }
        if let Some(peer) = self.agents.get(task.agent).peer() {
            let trace = task.row.trace.clone();
            out.tell_agent_of(peer, trace, ToAgent::Acknowledge { launch, uuid });
        }
    }

    /// The reported state is that of the update and not of the task: a task that has ended for us
    /// since then still has this update in its agent's stream, before the one that ends it.
    fn repeated_update(
        &mut self,
        launch: LaunchId,
        uuid: UpdateUuid,
        reported: TaskState,
        out: &mut Out,
    ) {
        let Some(task) = self.tasks.get(launch) else {
            return;
        };
        if task.pending().is_some() {
            self.deliver(launch, out);
        } else {
            self.dismiss_update(launch, uuid, reported, out);
        }
    }

    /// Acknowledges an update that changes nothing, so that the agent's stream goes on: the task has
    /// ended for us already, or the state cannot follow the one that the task is in.
    fn dismiss_update(
        &mut self,
        launch: LaunchId,
        uuid: UpdateUuid,
        reported: TaskState,
        out: &mut Out,
    ) {
        if !reported.is_terminal() {
            self.acknowledge_progress(launch, uuid, out);
            return;
        }
        let Some(task) = self.tasks.get(launch) else {
            return;
        };
        // A pending terminal update is acknowledged by its framework, and an acknowledgement that has
        // a number reaches the agent without being repeated here.
        if task.row.ack.is_some() || task.pending().is_some() {
            return;
        }
        let key = task.agent;
        let seq = self.number_command(key, launch, Outgoing::Acknowledge);
        self.agents.get_mut(key).absent.remove(&launch);
        if let Some(task) = self.tasks.get_mut(launch) {
            task.row.ack = Some((seq, uuid));
            task.row.times.acknowledged.get_or_insert(self.now);
        }
        self.persist_task(launch, out);
        self.send_commands(key, out);
    }
}
