//! Agents that know more than the store: it was restored from an older state (rule R5).

use insula_types::message::{CommandSeq, Peer, Registration, ToAgent};
use insula_types::{AgentId, Epoch, LaunchId, SessionId};

use crate::Kernel;
use crate::agent::{Agent, Outgoing};
use crate::allocator::AgentKey;
use crate::out::Out;

/// The highest number that is believed: at a million commands a second it lasts for longer than
/// the earth has.
pub(crate) const SEQ_MAX: CommandSeq = 1 << 62;

impl Agent {
    /// The lowest number that the agent cannot have been sent by anybody whom the rows know of.
    /// Numbers that were given since the load have not reached it before it registers.
    fn first_unsent(&self) -> CommandSeq {
        if self.synced {
            self.next_seq
        } else {
            self.first_seq
        }
    }

    /// What is to be said about an agent that obeys a later epoch.
    pub(crate) fn newer_epoch_in_words(&self) -> Option<String> {
        self.newer_epoch.map(newer_epoch_in_words)
    }
}

fn newer_epoch_in_words(theirs: Epoch) -> String {
    format!(
        "it obeys epoch {theirs}, which is above this control plane's: the store was restored from an older state; raise its epochs with `insula admin recover --epoch-above {}`",
        theirs.0
    )
}

impl Kernel {
    /// Whether the agent has applied a command that the rows know nothing of.
    pub(crate) fn is_ahead(&self, key: AgentKey, confirms: CommandSeq) -> bool {
        confirms >= self.agents.get(key).first_unsent()
    }

    /// Numbers go on above what the agent has applied. What was numbered since the load is numbered
    /// anew: the agent has applied other commands under those numbers, and would pass these over.
    pub(crate) fn number_above(&mut self, key: AgentKey, confirms: CommandSeq, out: &mut Out) {
        let agent = self.agents.get_mut(key);
        let first = agent.first_unsent();
        let given = agent.outbox.split_off(&first);
        agent.next_seq = agent.next_seq.max(confirms + 1);
        let sentence = format!(
            "agent {} confirms command {confirms}, and the last one on record is {}: the store may have been rolled back; numbers go on above it",
            agent.row.agent,
            first - 1
        );
        self.alarm(sentence, out);
        for (launch, what) in given.into_values() {
            self.number_again(key, launch, what, out);
        }
    }

    fn number_again(&mut self, key: AgentKey, launch: LaunchId, what: Outgoing, out: &mut Out) {
        let seq = self.number_command(key, launch, what);
        let Some(task) = self.tasks.get_mut(launch) else {
            return;
        };
        match what {
            Outgoing::Launch => {
                let before = std::mem::replace(&mut task.row.launch_seq, seq);
                let payloads = &mut self.agents.get_mut(key).payloads;
                if let Some(payload) = payloads.remove(&before) {
                    payloads.insert(seq, payload);
                }
            }
            Outgoing::Kill => task.row.kill_seq = Some(seq),
            Outgoing::Acknowledge => {
                task.row.ack = task.row.ack.map(|(_, uuid)| (seq, uuid));
            }
        }
        self.persist_task(launch, out);
    }

    /// An agent that obeys a later epoch than ours has spoken with a control plane whose store was
    /// newer. Nothing that we say would reach it. The alarm is raised once in an epoch of ours.
    pub(crate) fn refuse_newer_agent(
        &mut self,
        id: &AgentId,
        session: &SessionId,
        registration: &Registration,
        out: &mut Out,
    ) {
        let theirs: Epoch = registration.watermark.epoch;
        let known = self.agents.find(id);
        let before = known.and_then(|key| self.agents.get_mut(key).newer_epoch.replace(theirs));
        if before != Some(theirs) {
            self.alarm(format!("agent {id}: {}", newer_epoch_in_words(theirs)), out);
        }
        let peer = Peer::Agent {
            agent: id.clone(),
            session: session.clone(),
        };
        let reason = format!(
            "this control plane is in epoch {}, and the agent has obeyed {theirs} already",
            self.epoch
        );
        out.tell_agent(peer, ToAgent::Disconnect { reason });
    }
}
