//! What an agent says in its session, and the end of the session.

use insula_types::event::EventKind;
use insula_types::message::{FromAgent, ToAgent, ToFramework, Watermark};
use insula_types::{AgentId, ExecutorId, FrameworkKey, SessionId, Time};

use crate::allocator::AgentKey;
use crate::input::{Cause, Excused};
use crate::out::Out;
use crate::{Kernel, Rejection};

impl Kernel {
    /// A message from an agent; everything but a registration must come in the committed session
    /// (rule R22).
    pub(crate) fn agent_message(
        &mut self,
        id: &AgentId,
        session: &SessionId,
        message: FromAgent,
        out: &mut Out,
    ) -> Result<(), Rejection> {
        if let FromAgent::Register(registration) = message {
            return self.register_agent(id, session, *registration, out);
        }
        let key = self
            .agents
            .find(id)
            .filter(|key| self.agents.get(*key).is_in_session(session))
            .ok_or_else(|| Rejection::AgentSession {
                agent: id.clone(),
                session: session.to_string(),
            })?;
        let now = self.now;
        match message {
            FromAgent::Register(_) => {}
            FromAgent::Update {
                launch,
                status,
                trace,
            } => {
                self.agents.get_mut(key).hear(now, None);
                self.agent_update(key, launch, *status, &trace, out);
            }
            FromAgent::Message {
                framework,
                executor,
                data,
            } => {
                self.agents.get_mut(key).hear(now, None);
                self.pass_to_framework(key, &framework, executor, data, out);
            }
            FromAgent::Alive { watermark, clock } => {
                self.agents.get_mut(key).hear(now, Some(clock));
                self.agent_alive(key, watermark, out);
            }
        }
        Ok(())
    }

    fn agent_alive(&mut self, key: AgentKey, watermark: Watermark, out: &mut Out) {
        let agent = self.agents.get(key);
        if watermark.seq > agent.sent {
            // It has applied what this session never sent: only a full report can tell why.
            if let Some(peer) = agent.peer() {
                out.tell_agent(peer, ToAgent::Resync);
            }
            return;
        }
        self.confirm_commands(key, watermark.seq, out);
        self.end_purge_if_done(key, watermark.seq, out);
        self.end_quarantine_if_over(key, out);
        self.discard_forgotten(key, out);
    }

    /// An executor's bytes; only to the framework that has tasks on the agent, since the agent's word
    /// alone must not reach other tenants (rule R15).
    fn pass_to_framework(
        &self,
        key: AgentKey,
        framework: &FrameworkKey,
        executor: ExecutorId,
        data: bytes::Bytes,
        out: &mut Out,
    ) {
        let Some(idx) = self.frameworks.find(framework) else {
            return;
        };
        let agent = self.agents.get(key);
        let owns_a_task = agent.tasks.iter().any(|launch| {
            self.tasks
                .get(*launch)
                .is_some_and(|task| task.framework == idx)
        });
        if let (true, Some(peer)) = (owns_a_task, self.frameworks.get(idx).peer()) {
            let message = ToFramework::Message {
                agent: agent.row.agent.clone(),
                executor,
                data,
            };
            out.tell_framework(peer, message);
        }
    }

    /// The agent's connection ended: its tasks go on, nothing more is offered of it.
    pub(crate) fn agent_disconnected(
        &mut self,
        id: &AgentId,
        session: &SessionId,
        cause: Cause,
        out: &mut Out,
    ) {
        let ours = |key: &AgentKey| self.agents.get(*key).is_in_session(session);
        let Some(key) = self.agents.find(id).filter(ours) else {
            return;
        };
        let now = self.now;
        let agent = self.agents.get_mut(key);
        agent.connected = false;
        match cause {
            Cause::ByPeer => agent.session_is_over = true,
            Cause::ByUs => agent.hear(now, None),
        }
        self.refresh_agent(key, out);
        self.announce(EventKind::AgentDisconnected { agent: id.clone() }, out);
    }

    /// What was silent or away until now counts from now (rules R18, R24). The look at each that is due
    /// sooner finds that out by itself.
    pub(crate) fn excuse(&mut self, excused: &Excused) {
        let now = self.now;
        match excused {
            Excused::Everyone => {
                self.agents
                    .iter_mut()
                    .for_each(|agent| agent.hear(now, None));
                let away: Vec<_> = self.frameworks.away().collect();
                for framework in away {
                    self.excuse_framework(framework);
                }
            }
            Excused::Agents(ids) => {
                for id in ids {
                    if let Some(key) = self.agents.find(id) {
                        self.agents.get_mut(key).hear(now, None);
                    }
                }
            }
        }
    }

    /// Its session or state may have changed: lets the allocator know whether the agent can be offered,
    /// and rescinds its offers if not.
    pub(crate) fn refresh_agent(&mut self, key: AgentKey, out: &mut Out) {
        self.agents.recount(key);
        let agent = self.agents.get(key);
        let offerable = agent.is_offerable();
        if agent.listed {
            self.allocator.set_agent_active(key, offerable);
        }
        if !offerable {
            self.rescind_agent(key, out);
        }
    }

    /// When the agent counts as silent for too long.
    pub(crate) fn silent_from(&self, key: AgentKey) -> Time {
        self.agents.get(key).heard + self.config.unreachable_after
    }
}
