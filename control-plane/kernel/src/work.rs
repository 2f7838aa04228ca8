//! Work that takes more than one step (rule R12): each step does a slice and leaves the rest.
//!
//! The queue is not persisted. What must survive a restart follows from the rows: an unreachable
//! agent with tasks that hold resources, or a removed framework with live tasks, is work again after
//! a load. Answers die with the session that they were for.

use std::collections::{BTreeSet, VecDeque};

use crate::Kernel;
use crate::allocator::{AgentKey, FrameworkIdx};
use crate::out::Out;

/// One thing that goes on. There is at most one of a kind per agent or framework, which bounds the
/// queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Work {
    /// Send an agent the commands that its session has not seen.
    SendCommands { agent: AgentKey },
    /// Make the tasks of an unreachable agent unreachable.
    MarkUnreachable { agent: AgentKey },
    /// End the tasks of a removed framework.
    EndTasks { framework: FrameworkIdx },
    /// Send a framework the statuses that it asked for or is owed.
    Answer { framework: FrameworkIdx },
}

/// What goes on, served in turn.
#[derive(Debug, Default)]
pub(crate) struct WorkQueue {
    turns: VecDeque<Work>,
    queued: BTreeSet<Work>,
}

impl WorkQueue {
    pub(crate) fn push(&mut self, work: Work) {
        if self.queued.insert(work) {
            self.turns.push_back(work);
        }
    }

    fn pop(&mut self) -> Option<Work> {
        let work = self.turns.pop_front()?;
        self.queued.remove(&work);
        Some(work)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.turns.is_empty()
    }
}

impl Kernel {
    /// Does one slice of the work whose turn it is.
    pub(crate) fn do_work(&mut self, out: &mut Out) {
        match self.work.pop() {
            None => {}
            Some(Work::SendCommands { agent }) => self.send_commands(agent, out),
            Some(Work::MarkUnreachable { agent }) => self.mark_tasks_unreachable(agent, out),
            Some(Work::EndTasks { framework }) => self.end_tasks(framework, out),
            Some(Work::Answer { framework }) => self.answer(framework, out),
        }
    }
}
