//! An agent whose work directory was rolled back: it confirms less than it did before (rule R27).
//!
//! What it holds now was started by commands that it has forgotten, and it may start forgotten ones
//! again. So it is made to kill everything; what it does not hold any more is reported gone only
//! after that, and nothing of it is offered before.

use std::collections::BTreeSet;

use insula_types::LaunchId;
use insula_types::message::{CommandSeq, TaskReport};

use crate::Kernel;
use crate::agent::Outgoing;
use crate::allocator::AgentKey;
use crate::out::Out;

/// A purge under way.
#[derive(Debug)]
pub(crate) struct Purge {
    /// The number whose confirmation ends it.
    pub(crate) until: CommandSeq,
    /// Tasks that the agent should hold and does not.
    missing: BTreeSet<LaunchId>,
}

impl Kernel {
    /// Orders the agent to kill all that it reports, by new commands.
    pub(crate) fn start_purge(
        &mut self,
        key: AgentKey,
        confirms: CommandSeq,
        reports: &[TaskReport],
        missing: BTreeSet<LaunchId>,
        out: &mut Out,
    ) {
        let agent = self.agents.get_mut(key);
        agent.sent = confirms;
        let sentence = format!(
            "agent {} confirms {confirms} commands and has confirmed {} before: its work directory was rolled back; it is made to kill what it holds",
            agent.row.agent, agent.row.confirmed
        );
        self.alarm(sentence, out);
        for report in reports {
            self.kill_again(key, report.launch, out);
        }
        self.discard_strangers(key, out);
        let agent = self.agents.get_mut(key);
        agent.purge = Some(Purge {
            until: agent.next_seq - 1,
            missing,
        });
    }

    /// An agent that registers again in the midst of its purge has still to confirm it: what it does
    /// not hold is reported gone only then.
    pub(crate) fn purge_goes_on(
        &mut self,
        key: AgentKey,
        missing: &BTreeSet<LaunchId>,
        out: &mut Out,
    ) -> bool {
        let agent = self.agents.get_mut(key);
        let Some(purge) = &mut agent.purge else {
            return false;
        };
        purge.missing.clone_from(missing);
        let confirmed = agent.watermark;
        self.end_purge_if_done(key, confirmed, out);
        true
    }

    /// Numbers a kill for a launch that its agent holds and should not; an older kill that the agent
    /// has not confirmed is replaced.
    pub(crate) fn kill_again(&mut self, key: AgentKey, launch: LaunchId, out: &mut Out) {
        let Some(task) = self.tasks.get(launch) else {
            return;
        };
        if let Some(old) = task.row.kill_seq {
            self.agents.get_mut(key).outbox.remove(&old);
        }
        let seq = self.number_command(key, launch, Outgoing::Kill);
        if let Some(task) = self.tasks.get_mut(launch) {
            task.row.kill_seq = Some(seq);
        }
        self.persist_task(launch, out);
    }

    /// Once the agent has confirmed the kills, what it did not hold is gone, and it counts as
    /// any other agent again.
    pub(crate) fn end_purge_if_done(
        &mut self,
        key: AgentKey,
        confirmed: CommandSeq,
        out: &mut Out,
    ) {
        let agent = self.agents.get_mut(key);
        let Some(purge) = agent.purge.take_if(|purge| purge.until <= confirmed) else {
            return;
        };
        for launch in purge.missing {
            self.task_is_missing(launch, out);
        }
        self.refresh_agent(key, out);
    }
}
