//! Changing a task's status, and letting go of tasks that have ended.

use insula_types::event::{Event, EventKind};
use insula_types::record::Record;
use insula_types::{LaunchId, TaskState, TaskStatus, TraceContext};

use crate::Kernel;
use crate::agent::Outgoing;
use crate::framework::Side;
use crate::out::Out;

impl Kernel {
    /// Puts a task into a new status: its resources are counted or let go at once, commands that have
    /// become pointless turn into no-ops, watchers hear of it. The caller persists the row.
    pub(crate) fn set_status(&mut self, launch: LaunchId, mut status: TaskStatus, out: &mut Out) {
        let Some(task) = self.tasks.get_mut(launch) else {
            return;
        };
        let before = task.row.status.state;
        let state = status.state;
        task.acked = false;
        task.row.last_uuid = status.uuid.or(task.row.last_uuid);
        let on_agent = std::mem::take(&mut status.on_agent);
        task.row.times.on_agent.learn(&on_agent);
        task.row.status = status;
        if shows_start(state) {
            task.row.times.started.get_or_insert(self.now);
        }
        if state.is_terminal() {
            task.row.times.ended.get_or_insert(self.now);
            let agent = self.agents.get_mut(task.agent);
            agent.outbox.remove(&task.row.launch_seq);
            if let Some(seq) = task.row.kill_seq {
                agent.outbox.remove(&seq);
            }
        }
        let (framework, agent) = (task.framework, task.agent);
        let row = &task.row;
        match (before.holds_resources(), state.holds_resources()) {
            (true, false) => self
                .allocator
                .release(framework, &row.role, agent, &row.resources),
            (false, true) => self
                .allocator
                .charge(framework, &row.role, agent, &row.resources),
            (true, true) | (false, false) => {}
        }
        out.publish(Event {
            at: self.now,
            trace: row.trace.clone(),
            kind: EventKind::TaskUpdated {
                task: row.key.clone(),
                launch,
                agent: row.agent.clone(),
                state,
                reason: row.status.reason,
                message: row.status.message.clone(),
                exit: row.status.exit,
            },
        });
        self.tasks.moved(before, state);
        if state.is_terminal() && !before.is_terminal() {
            *self.counters.tasks_ended.entry(state).or_default() += 1;
        }
    }

    /// Persists the task's row; an acknowledgement that needed no row of its own goes with it.
    pub(crate) fn persist_task(&mut self, launch: LaunchId, out: &mut Out) {
        let Some(task) = self.tasks.get_mut(launch) else {
            return;
        };
        if std::mem::take(&mut task.acked) {
            task.row.status.uuid = None;
        }
        out.persist(Record::Task(Box::new(task.row.clone())));
    }

    /// What follows once a task's terminal status stands in its row, and persists the row.
    pub(crate) fn settle_end(&mut self, launch: LaunchId, out: &mut Out) {
        let Some(task) = self.tasks.get(launch) else {
            return;
        };
        let built_in = matches!(self.frameworks.get(task.framework).side, Side::BuiltIn);
        let nobody_waits = built_in || self.frameworks.get(task.framework).is_removed();
        let (key, state) = (task.row.key.clone(), task.row.status.state);
        if task.row.status.uuid.is_none() {
            self.tasks.hide(launch);
            self.persist_task(launch, out);
        } else if nobody_waits {
            self.acknowledge_end(launch, out);
        } else {
            self.persist_task(launch, out);
        }
        if built_in {
            self.request_ended(&key, launch, state, out);
        }
        self.archive_if_done(launch, out);
    }

    /// The terminal update of a task needs its framework no more: tells the agent to forget it,
    /// unless the agent has done so already.
    pub(crate) fn acknowledge_end(&mut self, launch: LaunchId, out: &mut Out) {
        let Some(task) = self.tasks.get(launch) else {
            return;
        };
        let Some(uuid) = task.row.status.uuid else {
            return;
        };
        let key = task.agent;
        let ack = if self.agents.get(key).absent.contains(&launch) {
            None
        } else {
            let seq = self.number_command(key, launch, Outgoing::Acknowledge);
            Some((seq, uuid))
        };
        if let Some(task) = self.tasks.get_mut(launch) {
            task.row.status.uuid = None;
            task.row.ack = ack;
            task.row.times.acknowledged.get_or_insert(self.now);
        }
        self.tasks.hide(launch);
        self.persist_task(launch, out);
        self.send_commands(key, out);
        self.archive_if_done(launch, out);
    }

    /// Makes a task history once nobody waits for anything of it: it has ended, its framework knows,
    /// its agent does not hold it, and all its commands are confirmed, so that their numbers cannot
    /// be given out again.
    pub(crate) fn archive_if_done(&mut self, launch: LaunchId, out: &mut Out) {
        let Some(task) = self.tasks.get(launch) else {
            return;
        };
        let key = task.agent;
        let agent = self.agents.get(key);
        let released = task.row.ack.is_some() || agent.absent.contains(&launch);
        let done = task.row.status.state.is_terminal()
            && task.row.status.uuid.is_none()
            && released
            && task.last_seq() <= agent.watermark;
        if !done {
            return;
        }
        self.persist_confirmation(key, out);
        let Some(mut task) = self.tasks.remove(launch) else {
            return;
        };
        let agent = self.agents.get_mut(key);
        agent.tasks.remove(&launch);
        agent.absent.remove(&launch);
        self.frameworks
            .get_mut(task.framework)
            .tasks
            .remove(&launch);
        task.row.archived = true;
        out.persist(Record::Task(Box::new(task.row)));
    }

    /// Publishes a sentence that a person must read.
    pub(crate) fn alarm(&self, sentence: String, out: &mut Out) {
        out.publish(Event {
            at: self.now,
            trace: TraceContext::default(),
            kind: EventKind::Alarm { sentence },
        });
    }

    /// Publishes something that belongs to no trace.
    pub(crate) fn announce(&self, kind: EventKind, out: &mut Out) {
        out.publish(Event {
            at: self.now,
            trace: TraceContext::default(),
            kind,
        });
    }
}

/// Whether a task in this state has certainly been started.
fn shows_start(state: TaskState) -> bool {
    matches!(
        state,
        TaskState::Starting | TaskState::Running | TaskState::Killing | TaskState::Finished
    )
}
