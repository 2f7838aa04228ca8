//! Effects leave: to agents, to frameworks, to whoever asked.

use insula_kernel::{Effect, Outcome};
use insula_pipeline::Released;
use insula_types::event::EventKind;
use insula_types::message::{Message, Peer, ToAgent, ToFramework};
use insula_types::{AgentId, RequestId, SessionId};

use super::OwnerId;
use crate::check::{Violation, fence};
use crate::network::Side;
use crate::wire::Wire;
use crate::world::World;

impl World {
    /// Lets everything leave that may.
    pub(crate) fn release(&mut self, id: OwnerId) -> Result<(), Violation> {
        while let Some(released) = self
            .owners
            .get_mut(&id)
            .and_then(|owner| owner.pipeline.poll_release())
        {
            self.release_one(id, released)?;
        }
        Ok(())
    }

    fn release_one(&mut self, id: OwnerId, released: Released) -> Result<(), Violation> {
        if self.ctx.options.shared_store {
            let epoch = self.owners[&id].epoch;
            let committed_by = self.store.epoch_of(released.commit_no);
            fence::an_effect_leaves_behind_its_owners_commit(epoch, committed_by)?;
        }
        match released.effect {
            Effect::Persist(record) => Err(Violation::new(
                "a record goes to the store and nowhere else",
                format!("{record:?}"),
            )),
            Effect::Send(Peer::Agent { agent, session }, Message::ToAgent(message)) => {
                self.send_to_agent(id, &agent, session, message)
            }
            Effect::Send(Peer::Framework { session, .. }, Message::ToFramework(message)) => {
                self.send_to_framework(id, &session, message)
            }
            Effect::Send(peer, message) => Err(Violation::new(
                "a message fits its receiver",
                format!("{message:?} to {peer:?}"),
            )),
            Effect::Publish(event) => {
                self.ctx.note(id, format_args!("event {:?}", event.kind));
                match event.kind {
                    EventKind::Alarm { sentence } => Err(Violation::new(
                        "no alarm is raised where nothing was rolled back",
                        sentence,
                    )),
                    _ => Ok(()),
                }
            }
            Effect::Reply(request, outcome) => self.reply(id, request, outcome),
        }
    }

    fn send_to_agent(
        &mut self,
        id: OwnerId,
        agent: &AgentId,
        session: SessionId,
        message: ToAgent,
    ) -> Result<(), Violation> {
        self.checks
            .durable
            .what_an_agent_is_told_is_in_the_rows(agent, &session, &message)?;
        let owner = &self.owners[&id];
        let epoch = owner.epoch;
        let Some(connection) = owner.peers.agents.get(&session).copied() else {
            return Ok(());
        };
        let ends = matches!(message, ToAgent::Disconnect { .. });
        let wire = Wire::ToAgent {
            epoch,
            session,
            message: Box::new(message),
        };
        self.network
            .send(&mut self.ctx, connection, Side::Client, wire);
        if ends {
            return self.owner_hangs_up(id, connection);
        }
        Ok(())
    }

    fn send_to_framework(
        &mut self,
        id: OwnerId,
        session: &SessionId,
        message: ToFramework,
    ) -> Result<(), Violation> {
        let Some(connection) = self.owners[&id].peers.frameworks.get(session).copied() else {
            return Ok(());
        };
        let ends = matches!(message, ToFramework::Error(_) | ToFramework::Close);
        let wire = Wire::ToFramework(Box::new(message));
        self.network
            .send(&mut self.ctx, connection, Side::Client, wire);
        if ends {
            return self.owner_hangs_up(id, connection);
        }
        Ok(())
    }

    fn reply(
        &mut self,
        id: OwnerId,
        request: RequestId,
        outcome: Outcome,
    ) -> Result<(), Violation> {
        let shared = self.ctx.options.shared_store;
        let Some(owner) = self.owners.get_mut(&id) else {
            return Ok(());
        };
        let fenced = owner.fenced;
        let Some(question) = owner.peers.questions.remove(&request) else {
            return Err(Violation::new(
                "a question is answered once",
                format!(
                    "{request:?} is answered by {outcome:?} and was not asked, or answered before"
                ),
            ));
        };
        if shared {
            fence::an_answer_leaves_behind_a_fence_begun_after_its_step(question.step, fenced)?;
        }
        let wire = Wire::Answer {
            number: question.number,
            outcome,
        };
        self.network
            .send(&mut self.ctx, question.connection, Side::Client, wire);
        Ok(())
    }
}
