//! A framework is removed: torn down, or away for too long.

use insula_types::event::EventKind;
use insula_types::message::ToFramework;
use insula_types::record::{FrameworkState, Record};
use insula_types::{LaunchId, Reason, TaskState};

use crate::agent::Outgoing;
use crate::allocator::FrameworkIdx;
use crate::framework::Link;
use crate::out::Out;
use crate::task::status::about;
use crate::work::Work;
use crate::{Kernel, Rejection};

impl Kernel {
    /// The framework asks to be removed; its stream ends without a word.
    pub(crate) fn tear_down(&mut self, idx: FrameworkIdx, out: &mut Out) {
        if let Some(peer) = self.frameworks.get(idx).peer() {
            out.tell_framework(peer, ToFramework::Close);
        }
        self.dismiss_successor(idx, &Rejection::FrameworkRemoved.to_string(), out);
        self.remove_framework(idx, out);
    }

    /// Removes the framework for ever and starts to end its tasks.
    pub(crate) fn remove_framework(&mut self, idx: FrameworkIdx, out: &mut Out) {
        self.withdraw_offers(idx, out);
        self.allocator.set_framework_active(idx, false);
        let now = self.now;
        let framework = self.frameworks.get_mut(idx);
        let key = framework.key.clone();
        if let Some(client) = framework.client_mut() {
            client.row.state = FrameworkState::Removed { at: now };
            out.persist(Record::Framework(Box::new(client.row.clone())));
        }
        self.frameworks.set_link(idx, Link::Removed);
        self.announce(EventKind::FrameworkRemoved { framework: key }, out);
        self.end_tasks(idx, out);
    }

    /// Ends a slice of a removed framework's tasks: they are killed for all to see at once, as Mesos
    /// does, while the agents still have to do it and to report it to us alone (rule R26).
    pub(crate) fn end_tasks(&mut self, idx: FrameworkIdx, out: &mut Out) {
        let some: Vec<LaunchId> = self.unfinished(idx).take(self.config.slice).collect();
        for launch in &some {
            self.end_task(*launch, out);
        }
        if self.unfinished(idx).next().is_some() {
            self.work.push(Work::EndTasks { framework: idx });
            return;
        }
        self.allocator.remove_framework(idx);
    }

    /// A removed framework's tasks that have not ended for it: alive, or ended with the update still
    /// waiting for an acknowledgement that will never come.
    pub(crate) fn unfinished(&self, idx: FrameworkIdx) -> impl Iterator<Item = LaunchId> + '_ {
        let tasks = self.frameworks.get(idx).tasks.iter().copied();
        tasks.filter(|launch| {
            self.tasks
                .get(*launch)
                .is_some_and(|task| task.is_visible())
        })
    }

    fn end_task(&mut self, launch: LaunchId, out: &mut Out) {
        let Some(task) = self.tasks.get(launch) else {
            return;
        };
        if task.row.status.state.is_terminal() {
            self.acknowledge_end(launch, out);
            return;
        }
        let key = task.agent;
        // A launch that this session has not sent yet goes out as a no-op now.
        let agent = self.agents.get_mut(key);
        if agent.connected && task.row.launch_seq > agent.sent {
            agent.absent.insert(launch);
        }
        let status = about(
            &task.row,
            TaskState::Killed,
            Reason::FrameworkRemoved,
            "Framework was removed",
            self.now,
        );
        self.set_status(launch, status, out);
        let seq = self.number_command(key, launch, Outgoing::Kill);
        if let Some(task) = self.tasks.get_mut(launch) {
            task.row.kill_seq = Some(seq);
        }
        self.settle_end(launch, out);
        self.send_commands(key, out);
    }
}
