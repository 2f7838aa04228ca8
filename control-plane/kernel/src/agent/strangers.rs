//! Launches that an agent holds and no row knows (rule R5).
//!
//! That can only mean that the store was rolled back: somebody started them and may still count on
//! them. They are held as they are, and nothing of their agent is offered, until an operator has them
//! discarded or the agent does not hold them any more; or for so long that nobody can be thinking of
//! it. The agent's word alone makes no row.

use std::collections::BTreeSet;

use insula_types::message::ToAgent;
use insula_types::{AgentId, LaunchId, RequestId, Time, TraceContext};

use crate::allocator::AgentKey;
use crate::out::Out;
use crate::{Kernel, Outcome, Rejection};

/// Most strangers of one agent that are remembered: enough to show what happened, and few enough to
/// be discarded in one step. More come from the same accident; they are met once these are gone.
const STRANGERS_MAX: usize = 1_000;

/// From which protocol on an agent can be told to discard a launch.
const DISCARDS_FROM: u32 = 1;

/// The strangers of one agent.
#[derive(Debug, Default)]
pub(crate) struct Strangers {
    /// At most [`STRANGERS_MAX`].
    held: BTreeSet<LaunchId>,
    /// Since when this kernel has known of any.
    since: Option<Time>,
    /// Those that the agent was told to discard. They are few: it registers again when none is left,
    /// and that forgets those that it does not hold any more.
    discarded: BTreeSet<LaunchId>,
}

impl Strangers {
    pub(crate) fn is_empty(&self) -> bool {
        self.held.is_empty()
    }

    /// Whether this one is new and there is room to remember it.
    pub(crate) fn meet(&mut self, launch: LaunchId, now: Time) -> bool {
        if self.held.len() >= STRANGERS_MAX || !self.held.insert(launch) {
            return false;
        }
        self.since.get_or_insert(now);
        true
    }

    /// Takes all out, so that a registration can bring those that are still there.
    pub(crate) fn recount(&mut self) -> BTreeSet<LaunchId> {
        std::mem::take(&mut self.held)
    }

    /// Forgets what belongs to strangers that are no more.
    fn counted(&mut self) {
        self.discarded.retain(|launch| self.held.contains(launch));
        if self.held.is_empty() {
            self.since = None;
        }
    }

    /// What is to be said about them, if there are any.
    pub(crate) fn in_words(&self) -> Option<String> {
        let first = self.held.first()?;
        let count = self.held.len();
        let fate = if self.held.is_subset(&self.discarded) {
            "; it is made to kill them"
        } else {
            ""
        };
        Some(format!(
            "it holds tasks that this cell has no record of: {count}, the first is {first}{fate}"
        ))
    }
}

impl Kernel {
    /// The agent has said what it holds: tells of strangers that were not there before, and repeats
    /// what it was told about others.
    pub(crate) fn strangers_are_counted(
        &mut self,
        key: AgentKey,
        before: &BTreeSet<LaunchId>,
        out: &mut Out,
    ) {
        let strangers = &mut self.agents.get_mut(key).strangers;
        strangers.counted();
        let are_known = strangers.held.is_subset(before);
        let discarded: Vec<LaunchId> = strangers.discarded.iter().copied().collect();
        for launch in discarded {
            self.tell_to_discard(key, launch, TraceContext::default(), out);
        }
        if !are_known {
            self.tell_of_strangers(key, out);
        }
    }

    /// A stranger speaks: a person is told once, or the agent is told again what to do with it, in the
    /// trace that it says the launch has.
    pub(crate) fn hear_stranger(
        &mut self,
        key: AgentKey,
        launch: LaunchId,
        ended: bool,
        trace: &TraceContext,
        out: &mut Out,
    ) {
        let now = self.now;
        let strangers = &mut self.agents.get_mut(key).strangers;
        if !strangers.discarded.contains(&launch) {
            if strangers.meet(launch, now) {
                self.tell_of_strangers(key, out);
                self.refresh_agent(key, out);
            }
            return;
        }
        self.tell_to_discard(key, launch, trace.clone(), out);
        if ended {
            self.stranger_is_gone(key, launch, out);
        }
    }

    /// Was the last one of those that were remembered, a registration tells whether there are more.
    fn stranger_is_gone(&mut self, key: AgentKey, launch: LaunchId, out: &mut Out) {
        let agent = self.agents.get_mut(key);
        if !agent.strangers.held.remove(&launch) || !agent.strangers.is_empty() {
            return;
        }
        agent.strangers.since = None;
        if let Some(peer) = agent.peer() {
            out.tell_agent(peer, ToAgent::Resync);
        }
        self.refresh_agent(key, out);
    }

    fn tell_of_strangers(&self, key: AgentKey, out: &mut Out) {
        let agent = self.agents.get(key);
        let Some(sentence) = agent.strangers.in_words() else {
            return;
        };
        let sentence = format!(
            "agent {}: {sentence}; the store may have been rolled back; they are left as they are until an operator discards them, and nothing of the agent is offered",
            agent.row.agent
        );
        self.alarm(sentence, out);
    }

    fn tell_to_discard(&self, key: AgentKey, launch: LaunchId, trace: TraceContext, out: &mut Out) {
        if let Some(peer) = self.agents.get(key).peer() {
            out.tell_agent_of(peer, trace, ToAgent::Discard { launch });
        }
    }

    /// An operator has decided that what the agent holds and no row knows is to be killed.
    pub(crate) fn discard_held(
        &mut self,
        request: RequestId,
        id: &AgentId,
        out: &mut Out,
    ) -> Result<(), Rejection> {
        let refuse = |why: &'static str| Rejection::Discard {
            agent: id.clone(),
            why: why.into(),
        };
        let known = self.agents.find(id);
        let key = known.ok_or_else(|| refuse("it is not known here"))?;
        let agent = self.agents.get(key);
        if agent.strangers.is_empty() {
            return Err(refuse("it holds nothing that this cell has no record of"));
        }
        if !agent.connected {
            return Err(refuse("it is not connected"));
        }
        if agent.protocol < DISCARDS_FROM {
            return Err(refuse("its version is too old; upgrade it first"));
        }
        self.discard_strangers(key, out);
        let sentence =
            format!("agent {id} is made to kill what no row knows, as an operator asked");
        self.alarm(sentence, out);
        out.reply(request, Outcome::Accepted);
        Ok(())
    }

    /// Makes the agent kill and forget all strangers that are known, if it can be told to.
    pub(crate) fn discard_strangers(&mut self, key: AgentKey, out: &mut Out) {
        let agent = self.agents.get_mut(key);
        if agent.protocol < DISCARDS_FROM {
            return;
        }
        agent.strangers.discarded.clone_from(&agent.strangers.held);
        let all: Vec<LaunchId> = agent.strangers.held.iter().copied().collect();
        for launch in all {
            self.tell_to_discard(key, launch, TraceContext::default(), out);
        }
        // Those that had ended are forgotten without another word. The next registration shows which
        // are left, each of which will still say that it has ended.
        let agent = self.agents.get(key);
        if let Some(peer) = agent.peer().filter(|_| !agent.strangers.is_empty()) {
            out.tell_agent(peer, ToAgent::Resync);
        }
    }

    /// Discards strangers that nobody has decided about for as long as they are kept. A sign of life
    /// of the agent is the occasion, since it must be there to be told.
    pub(crate) fn discard_forgotten(&mut self, key: AgentKey, out: &mut Out) {
        let agent = self.agents.get(key);
        let strangers = &agent.strangers;
        let is_over = strangers
            .since
            .is_some_and(|since| self.now.since(since) >= self.config.held_retention);
        let undecided = !strangers.held.is_subset(&strangers.discarded);
        if !is_over || !undecided || agent.protocol < DISCARDS_FROM {
            return;
        }
        let sentence = format!(
            "agent {} is made to kill what no row knows: nobody decided about it for {}",
            agent.row.agent, self.config.held_retention
        );
        self.alarm(sentence, out);
        self.discard_strangers(key, out);
    }
}
