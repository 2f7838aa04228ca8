//! Driving the pipeline: inputs in, commits to the store and back, effects out.

use insula_kernel::{Input, invariant};
use insula_pipeline::Envelope;
use insula_types::{RequestId, Span, Time};

use super::{InFlight, Owner, OwnerId};
use crate::check::{Violation, resources, rows};
use crate::event::Event;
use crate::store::{Answer, TransactionId};
use crate::world::World;

/// What one turn of a driver's loop takes at least, so that a kernel whose timer is always due does
/// not stop time.
const TURN: Span = Span(50);

impl World {
    /// Hands an input over; it waits while the pipeline is full.
    pub(crate) fn owner_input(&mut self, id: OwnerId, input: Input) -> Result<(), Violation> {
        let Some(owner) = self.owners.get_mut(&id) else {
            return Ok(());
        };
        if owner.pipeline.is_full() || !owner.inbox.is_empty() {
            owner.inbox.push_back(input);
            return Ok(());
        }
        self.step(id, input)?;
        self.pump(id)
    }

    fn step(&mut self, id: OwnerId, input: Input) -> Result<(), Violation> {
        let Some(owner) = self.owners.get_mut(&id) else {
            return Ok(());
        };
        let now = owner.clock(self.ctx.now);
        owner.steps += 1;
        if let Some(request) = request_of(&input)
            && let Some(question) = owner.peers.questions.get_mut(&request)
        {
            question.step = Some(owner.steps);
        }
        let repeated = self.ctx.options.repeated_input;
        let repeats = self.ctx.fault(repeated) && !matches!(input, Input::Timer);
        let envelope = if repeats {
            owner.sent += 1;
            Envelope {
                sender: Some((owner.sender.clone(), owner.sent)),
                input,
            }
        } else {
            Envelope::from(input)
        };
        // A poisoned pipeline takes nothing; its owner ends with the answer that is under way.
        let _ = owner.pipeline.input(now, envelope.clone());
        if repeats {
            let _ = owner.pipeline.input(now, envelope);
        }
        let kernel = owner.pipeline.kernel();
        invariant::check(kernel)
            .map_err(|found| Violation::new("the kernel's invariants hold", found))?;
        if self.ctx.options.weights.set_role == 0 {
            return Ok(());
        }
        owner.quota.a_limit_is_never_exceeded_by_what_is_new(kernel)
    }

    /// Moves everything that can move: effects out, a commit to the store, waiting inputs in.
    pub(crate) fn pump(&mut self, id: OwnerId) -> Result<(), Violation> {
        loop {
            self.release(id)?;
            self.begin_commit(id)?;
            let Some(owner) = self.owners.get_mut(&id) else {
                return Ok(());
            };
            if owner.pipeline.is_full() {
                break;
            }
            let Some(input) = owner.inbox.pop_front() else {
                break;
            };
            self.step(id, input)?;
        }
        self.set_owner_timer(id);
        Ok(())
    }

    fn begin_commit(&mut self, id: OwnerId) -> Result<(), Violation> {
        let Some(owner) = self.owners.get_mut(&id) else {
            return Ok(());
        };
        let Some(commit) = owner.pipeline.poll_commit() else {
            return Ok(());
        };
        for record in &commit.records {
            owner.shadow.apply(record);
        }
        let kernel = owner.pipeline.kernel();
        rows::the_rows_are_the_durable_part(&mut self.ctx.rng, kernel, &owner.shadow)?;
        resources::what_an_agent_has_adds_up(kernel)?;
        let (number, records) = (commit.number(), commit.records.len());
        self.ctx
            .note(id, format_args!("commit {number} with {records} records"));
        let transaction = self.store.begin(&mut self.ctx, id, owner.epoch, commit);
        owner.in_flight = Some(InFlight {
            transaction,
            number,
            steps: owner.steps,
        });
        Ok(())
    }

    /// The owner hears what became of its transaction.
    pub(crate) fn owner_hears_of_commit(
        &mut self,
        id: OwnerId,
        transaction: TransactionId,
        answer: Answer,
    ) -> Result<(), Violation> {
        let Some(owner) = self.owners.get_mut(&id) else {
            return Ok(());
        };
        let Some(in_flight) = owner
            .in_flight
            .take_if(|in_flight| in_flight.transaction == transaction)
        else {
            return Ok(());
        };
        let head = self.store.head();
        let happened = match answer {
            Answer::Committed => true,
            Answer::Failed => false,
            // Read from the head, never guessed (rule R2). A transaction that is still open then can
            // only be fenced off, which the reload under a new epoch does.
            Answer::Unknown => head.epoch == owner.epoch && head.commit_no == in_flight.number,
        };
        if !happened {
            owner.pipeline.commit_failed();
            self.release(id)?;
            self.owner_ends(id, "its commit failed");
            return Ok(());
        }
        owner.fenced = in_flight.steps;
        owner
            .pipeline
            .committed(in_flight.number)
            .map_err(|error| {
                Violation::new("a commit that happened is known to its pipeline", error)
            })?;
        self.pump(id)
    }

    pub(crate) fn owner_timer(&mut self, id: OwnerId) -> Result<(), Violation> {
        let Some(owner) = self.owners.get_mut(&id) else {
            return Ok(());
        };
        owner.timer_at = None;
        let due = owner.due(self.ctx.now);
        if due {
            // Queued inputs come before timers (rule R24).
            if !owner.inbox.is_empty() || owner.pipeline.is_full() {
                return self.pump(id);
            }
            return self.owner_input(id, Input::Timer);
        }
        self.set_owner_timer(id);
        Ok(())
    }

    pub(crate) fn set_owner_timer(&mut self, id: OwnerId) {
        let Some(owner) = self.owners.get_mut(&id) else {
            return;
        };
        // A full pipeline is pumped again when its commit ends.
        if owner.pipeline.is_full() {
            return;
        }
        let Some(at) = owner.pipeline.kernel().next_timeout() else {
            return;
        };
        let at = owner.world_time(at).max(self.ctx.now + TURN);
        if owner.timer_at.is_some_and(|set| set <= at) {
            return;
        }
        owner.timer_at = Some(at);
        self.ctx.at(at, Event::OwnerTimer(id));
    }
}

impl Owner {
    fn due(&self, now: Time) -> bool {
        let next = self.pipeline.kernel().next_timeout();
        next.is_some_and(|at| at <= self.clock(now))
    }
}

fn request_of(input: &Input) -> Option<RequestId> {
    match input {
        Input::Subscribe(subscribe) => Some(subscribe.request),
        Input::Call { request, .. }
        | Input::Submit { request, .. }
        | Input::Withdraw { request, .. }
        | Input::SetRole { request, .. } => Some(*request),
        Input::Timer
        | Input::FrameworkDisconnected { .. }
        | Input::Agent { .. }
        | Input::AgentDisconnected { .. } => None,
    }
}
