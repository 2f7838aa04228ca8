//! Agents whose sessions follow one another too quickly (rule R27): two machines with one identity,
//! or one with a network that comes and goes.

use insula_types::{AgentId, SessionId, Span, Time};

use crate::allocator::AgentKey;
use crate::out::Out;
use crate::{Kernel, Rejection};

/// What is counted of one agent's sessions.
#[derive(Debug, Default)]
pub(crate) struct Flapping {
    /// When the minute began that is counted.
    minute: Time,
    /// How many sessions were opened in it.
    opened: usize,
    /// Until when no other session is opened, and nothing is offered.
    pub(crate) quarantine: Option<Time>,
}

impl Flapping {
    const MINUTE: Span = Span::from_secs(60);

    fn count(&mut self, now: Time) -> usize {
        if now.since(self.minute) >= Self::MINUTE {
            self.minute = now;
            self.opened = 0;
        }
        self.opened += 1;
        self.opened
    }
}

impl Kernel {
    /// Refuses a new session to an agent in quarantine; the one that it has goes on.
    pub(crate) fn check_flapping(
        &self,
        id: &AgentId,
        key: AgentKey,
        session: &SessionId,
    ) -> Result<(), Rejection> {
        let agent = self.agents.get(key);
        match agent.flapping.quarantine {
            Some(until) if self.now < until && agent.row.session != *session => {
                Err(Rejection::Flapping(id.clone()))
            }
            _ => Ok(()),
        }
    }

    /// Counts a session that is about to be opened, and says whether it is one too many. The
    /// quarantine lasts for half of what an agent may be silent, so that it alone loses no agent.
    pub(crate) fn count_session(&mut self, key: AgentKey, session: &SessionId, out: &mut Out) {
        let (now, most) = (self.now, self.config.sessions_per_minute);
        let quarantine = Span(self.config.unreachable_after.0 / 2);
        let agent = self.agents.get_mut(key);
        agent.flapping.quarantine.take_if(|until| *until <= now);
        if agent.row.session == *session || agent.flapping.count(now) <= most {
            return;
        }
        // What comes after the quarantine is counted anew.
        agent.flapping = Flapping {
            minute: now,
            opened: 0,
            quarantine: Some(now + quarantine),
        };
        let sentence = format!(
            "agent {} opens more than {most} sessions a minute: two machines may have its identity; it opens no other for {quarantine}, and nothing of it is offered",
            agent.row.agent
        );
        self.alarm(sentence, out);
    }

    /// Ends a quarantine whose time is over.
    pub(crate) fn end_quarantine_if_over(&mut self, key: AgentKey, out: &mut Out) {
        let now = self.now;
        let flapping = &mut self.agents.get_mut(key).flapping;
        if flapping.quarantine.take_if(|until| *until <= now).is_some() {
            self.refresh_agent(key, out);
        }
    }
}
