//! Stepping the agent's core, and carrying out what it wants in the order in which it wants it.

use insula_agent_core::{Effect, Effects, Input, LaunchPlan, invariant};
use insula_types::message::{CommandBody, ToAgent};
use insula_types::{Epoch, SessionId, Span, TaskKey};

use super::Undone;
use crate::check::Violation;
use crate::event::Event;
use crate::network::Side;
use crate::wire::Wire;
use crate::world::World;

/// The journal is rewritten when it has so many records.
const JOURNAL_MAX: usize = 100;

impl World {
    /// The agent hears the control plane.
    pub(crate) fn agent_hears(
        &mut self,
        number: usize,
        epoch: Epoch,
        session: SessionId,
        message: ToAgent,
    ) -> Result<(), Violation> {
        let plan = self.draw_plan(&message);
        let ends = matches!(message, ToAgent::Disconnect { .. });
        let input = Input::Message {
            epoch,
            session,
            message,
            plan,
        };
        self.agent_input(number, input)?;
        if ends {
            return self.agent_hangs_up(number);
        }
        Ok(())
    }

    fn draw_plan(&mut self, message: &ToAgent) -> LaunchPlan {
        let ToAgent::Command(command) = message else {
            return LaunchPlan::default();
        };
        if !matches!(command.body, CommandBody::Launch(_)) {
            return LaunchPlan::default();
        }
        LaunchPlan {
            max_completion: self.ctx.rng.chance(100).then(|| Span::from_secs(20)),
            grace: self.ctx.rng.millis(0, 5_000),
        }
    }

    /// Steps the core and starts to carry out what follows. A refusal changes nothing by contract.
    pub(crate) fn agent_input(&mut self, number: usize, input: Input) -> Result<(), Violation> {
        let machine = &mut self.machines[number];
        let clock = machine.clock(self.ctx.now);
        let Some(agent) = machine.agent.as_mut() else {
            return Ok(());
        };
        let mut effects = Effects::new();
        if let Err(refusal) = agent.core.step(clock, input, &mut effects) {
            self.ctx
                .note(&machine.id, format_args!("refuses: {refusal}"));
        }
        invariant::check(&agent.core)
            .map_err(|found| Violation::new("the agent core's invariants hold", found))?;
        for effect in effects {
            match effect {
                Effect::Journal(record) => {
                    let is_lazy = record.is_lazy();
                    let position = machine.disk.append(record);
                    if !is_lazy {
                        agent.undone.push_back(Undone::Durable(position));
                    }
                }
                other => agent.undone.push_back(Undone::Do(other)),
            }
        }
        self.perform(number)
    }

    /// Carries out what need not wait for the disk any longer, and sees to it that the rest will be.
    fn perform(&mut self, number: usize) -> Result<(), Violation> {
        while let Some(effect) = self.next_effect(number) {
            self.perform_effect(number, effect)?;
        }
        let machine = &mut self.machines[number];
        let life = machine.life;
        if machine.disk.begin_sync() {
            if machine.disk.len() > JOURNAL_MAX
                && let Some(agent) = &machine.agent
            {
                machine.disk.rewrite(agent.core.records());
            }
            let most = self.ctx.options.sync_max;
            let event = Event::Synced {
                machine: number,
                life,
            };
            self.ctx.within(0, most, event);
            let crashes = self.ctx.options.crash_in_sync;
            if self.ctx.fault(crashes) {
                let event = Event::AgentCrashes {
                    machine: number,
                    life,
                };
                self.ctx.within(0, most, event);
            }
        }
        self.set_agent_timer(number);
        Ok(())
    }

    fn next_effect(&mut self, number: usize) -> Option<Effect> {
        let machine = &mut self.machines[number];
        let undone = &mut machine.agent.as_mut()?.undone;
        loop {
            match undone.front()? {
                Undone::Durable(position) if *position > machine.disk.synced() => return None,
                Undone::Durable(_) | Undone::Do(_) => {}
            }
            if let Some(Undone::Do(effect)) = undone.pop_front() {
                return Some(effect);
            }
        }
    }

    fn perform_effect(&mut self, number: usize, effect: Effect) -> Result<(), Violation> {
        match effect {
            // Journalled when it was stepped; only its place among the others is kept.
            Effect::Journal(_) => {}
            Effect::Start(launch) => {
                let key = TaskKey {
                    framework: launch.framework.clone(),
                    task: launch.task.clone(),
                };
                self.ask_for_process(number, launch.launch, key)?;
            }
            Effect::Kill { launch, grace, .. } => self.kill_process(number, launch, grace),
            Effect::Forget { launch, .. } => self.machines[number].shepherd.forget(launch),
            Effect::Send { session, message } => {
                let Some(agent) = &self.machines[number].agent else {
                    return Ok(());
                };
                let current = agent.core.session() == Some(&session);
                if let (true, Some(connection)) = (current, agent.connection) {
                    let wire = Wire::Agent(session, message);
                    self.network
                        .send(&mut self.ctx, connection, Side::Replica, wire);
                }
            }
        }
        Ok(())
    }

    pub(crate) fn journal_is_synced(&mut self, number: usize) -> Result<(), Violation> {
        self.machines[number].disk.end_sync();
        self.perform(number)
    }

    pub(crate) fn agent_timer(&mut self, number: usize) -> Result<(), Violation> {
        let machine = &mut self.machines[number];
        let clock = machine.clock(self.ctx.now);
        let Some(agent) = machine.agent.as_mut() else {
            return Ok(());
        };
        agent.timer_at = None;
        if agent.core.next_timeout().is_some_and(|at| at <= clock) {
            return self.agent_input(number, Input::Timer);
        }
        self.set_agent_timer(number);
        Ok(())
    }

    fn set_agent_timer(&mut self, number: usize) {
        let machine = &self.machines[number];
        let life = machine.life;
        let Some(agent) = &machine.agent else {
            return;
        };
        let Some(at) = agent.core.next_timeout() else {
            return;
        };
        let at = machine.world_time(at).max(self.ctx.now);
        if agent.timer_at.is_some_and(|set| set <= at) {
            return;
        }
        if let Some(agent) = self.machines[number].agent.as_mut() {
            agent.timer_at = Some(at);
        }
        let event = Event::AgentTimer {
            machine: number,
            life,
        };
        self.ctx.at(at, event);
    }
}
