//! Effects leave: to agents, to frameworks, to whoever asked.

use insula_kernel::{Effect, Outcome};
use insula_pipeline::Released;
use insula_types::event::EventKind;
use insula_types::message::{Message, Peer, ToFramework};
use insula_types::{CellId, RequestId, TraceContext};

use super::{DriverId, Route};
use crate::check::{Violation, fence};
use crate::link::Payload;
use crate::world::World;

impl World {
    /// Lets everything leave that may.
    pub(crate) fn release(&mut self, id: DriverId) -> Result<(), Violation> {
        while let Some(released) = self.poll_release(id, false) {
            if self.ctx.options.shared_store {
                let committed_by = self.store.epoch_of(id.partition, released.commit_no);
                fence::an_effect_leaves_behind_its_owners_commit(id.epoch, committed_by)?;
            }
            self.release_one(id, released, false)?;
        }
        while self.lease_holds(id)
            && let Some(released) = self.poll_release(id, true)
        {
            fence::only_what_may_leaves_on_the_lease(&released.effect)?;
            // The database's clock may jump over the end of a lease; then epochs alone tell.
            if self.ctx.options.weights.clock_jump == 0 {
                let owner = self.store.head(id.partition).epoch;
                fence::who_has_the_lease_is_the_owner(id.epoch, owner)?;
            }
            self.release_one(id, released, true)?;
        }
        Ok(())
    }

    fn poll_release(&mut self, id: DriverId, lease_holds: bool) -> Option<Released> {
        self.driver_mut(id)?.pipeline.poll_release(lease_holds)
    }

    fn lease_holds(&self, id: DriverId) -> bool {
        let replica = self.replicas.get(&id.replica);
        let Some((replica, driver)) = replica.zip(self.driver(id)) else {
            return false;
        };
        let clock = replica.clock(self.ctx.now);
        self.ctx.options.shared_store && driver.tenure.holds(clock)
    }

    fn release_one(
        &mut self,
        id: DriverId,
        released: Released,
        on_lease: bool,
    ) -> Result<(), Violation> {
        let cell = released.cell;
        match released.effect {
            Effect::Persist(record) => Err(Violation::new(
                "a record goes to the store and nowhere else",
                format!("{record:?}"),
            )),
            Effect::Send(peer, trace, message) => self.tell(id, &cell, peer, &trace, message),
            Effect::Publish(event) => {
                self.ctx
                    .note(id, format_args!("{cell}: event {:?}", event.kind));
                match event.kind {
                    // The network may cut an agent as often as a second machine would.
                    EventKind::Alarm { sentence } if sentence.contains("sessions a minute") => {
                        Ok(())
                    }
                    EventKind::Alarm { sentence } => Err(Violation::new(
                        "no alarm is raised where nothing was rolled back",
                        sentence,
                    )),
                    _ => Ok(()),
                }
            }
            Effect::Reply(request, outcome) => self.reply(id, request, outcome, on_lease),
        }
    }

    fn tell(
        &mut self,
        id: DriverId,
        cell: &CellId,
        peer: Peer,
        trace: &TraceContext,
        message: Message,
    ) -> Result<(), Violation> {
        let checks = &mut self.checks;
        match (&peer, &message) {
            (Peer::Agent { agent, session }, Message::ToAgent(said)) => {
                let traces = &checks.traces;
                traces.what_an_agent_is_told_is_in_its_tasks_trace(cell, trace, said)?;
                let durable = &checks.durable;
                durable.what_an_agent_is_told_is_in_the_rows(cell, agent, session, said)?;
            }
            (Peer::Framework { framework, .. }, Message::ToFramework(said)) => {
                checks
                    .traces
                    .what_a_framework_is_told_is_in_its_tasks_trace(cell, framework, trace, said)?;
                if let ToFramework::Offers(made) = said {
                    checks.offers.are_made_once(cell, framework, made)?;
                }
            }
            _ => {
                return Err(Violation::new(
                    "a message fits its receiver",
                    format!("{message:?} to {peer:?}"),
                ));
            }
        }
        let route = self.driver(id).and_then(|driver| driver.routes.get(&peer));
        match route.cloned() {
            None => Ok(()),
            Some((_, Route::Local)) => {
                self.gateway_delivers(id.replica, id.epoch, cell, &peer, message)
            }
            Some((_, Route::Link(link))) => {
                let payload = Payload::Message {
                    cell: cell.clone(),
                    peer,
                    message: Box::new(message),
                };
                self.owner_says(id, &link, payload)
            }
        }
    }

    fn reply(
        &mut self,
        id: DriverId,
        request: RequestId,
        outcome: Outcome,
        on_lease: bool,
    ) -> Result<(), Violation> {
        let shared = self.ctx.options.shared_store;
        let Some(driver) = self.driver_mut(id) else {
            return Ok(());
        };
        let fenced = driver.fenced;
        let Some(question) = driver.questions.remove(&request) else {
            return Err(Violation::new(
                "a question is answered once",
                format!(
                    "{request:?} is answered by {outcome:?} and was not asked, or answered before"
                ),
            ));
        };
        if shared && !on_lease {
            fence::an_answer_leaves_behind_a_fence_begun_after_its_step(question.step, fenced)?;
        }
        match question.route {
            Route::Local => self.gateway_answers(id.replica, request, outcome),
            Route::Link(link) => {
                self.owner_says(id, &link, Payload::Reply(request, Box::new(outcome)))
            }
        }
    }
}
