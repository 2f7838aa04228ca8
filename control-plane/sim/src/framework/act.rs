//! What a framework does by itself, every now and then.

use insula_kernel::input::Call;
use insula_types::{AgentId, Span, TaskId};

use super::Stream;
use crate::event::Event;
use crate::network::Side;
use crate::wire::Wire;
use crate::world::World;

impl World {
    pub(crate) fn framework_acts(&mut self, number: usize) {
        if self.frameworks[number].done {
            return;
        }
        self.ctx.within(20, 2_000, Event::FrameworkActs(number));
        if !matches!(self.frameworks[number].stream, Stream::Open(_)) {
            return;
        }
        self.send_due_acknowledgements(number);
        self.answer_offers(number);
        let habits = self.frameworks[number].habits.clone();
        if self.ctx.calm {
            if self.ctx.rng.chance(300) {
                self.reconcile_open_tasks(number);
            }
            return;
        }
        if self.ctx.rng.chance(habits.kills) {
            self.kill_a_task(number);
        }
        if self.ctx.rng.chance(habits.reconciles) {
            self.reconcile(number);
        }
        if self.ctx.rng.chance(habits.suppresses) {
            self.suppress_or_revive(number);
        }
        if self.ctx.rng.chance(habits.tears_down) {
            self.framework_calls(number, Call::Teardown);
            return self.framework_is_removed(number);
        }
        if self.ctx.rng.chance(habits.leaves) {
            self.framework_leaves(number);
        }
    }

    /// Sends a call on the stream's connection and gives its number.
    pub(crate) fn framework_calls(&mut self, number: usize, call: Call) -> Option<u64> {
        let framework = &mut self.frameworks[number];
        let Stream::Open(connection) = framework.stream else {
            return None;
        };
        framework.calls += 1;
        let wire = Wire::Call {
            number: framework.calls,
            call: Box::new(call),
        };
        let call = framework.calls;
        self.network
            .send(&mut self.ctx, connection, Side::Replica, wire);
        Some(call)
    }

    fn send_due_acknowledgements(&mut self, number: usize) {
        let now = self.ctx.now;
        let framework = &mut self.frameworks[number];
        let (due, later): (Vec<_>, Vec<_>) = std::mem::take(&mut framework.owed)
            .into_iter()
            .partition(|(at, _)| *at <= now);
        framework.owed = later;
        for (_, owed) in due {
            let call = Call::Acknowledge {
                agent: owed.agent,
                task: owed.task,
                uuid: owed.uuid,
            };
            self.framework_calls(number, call);
        }
    }

    fn kill_a_task(&mut self, number: usize) {
        let open: Vec<(TaskId, AgentId)> = self.frameworks[number]
            .open_tasks()
            .map(|(task, belief)| (task.clone(), belief.agent.clone()))
            .collect();
        let Some((task, agent)) = self.ctx.rng.pick(&open).cloned() else {
            return;
        };
        let call = Call::Kill {
            task,
            agent: self.ctx.rng.chance(500).then_some(agent),
            grace: self.ctx.rng.chance(500).then(|| Span::from_secs(1)),
        };
        self.framework_calls(number, call);
    }

    /// Asks about every task that it expects to hear of.
    pub(crate) fn reconcile_open_tasks(&mut self, number: usize) {
        let named: Vec<(TaskId, Option<AgentId>)> = self.frameworks[number]
            .open_tasks()
            .map(|(task, belief)| (task.clone(), Some(belief.agent.clone())))
            .collect();
        if !named.is_empty() {
            self.framework_calls(number, Call::Reconcile(named));
        }
    }

    /// Asks about everything, without naming it, or about some tasks, ended ones as well.
    fn reconcile(&mut self, number: usize) {
        let all: Vec<(TaskId, AgentId)> = self.frameworks[number]
            .tasks
            .iter()
            .map(|(task, belief)| (task.clone(), belief.agent.clone()))
            .collect();
        let mut named = Vec::new();
        for _ in 0..self.ctx.rng.below(4) {
            if let Some((task, agent)) = self.ctx.rng.pick(&all).cloned() {
                named.push((task, self.ctx.rng.chance(500).then_some(agent)));
            }
        }
        self.framework_calls(number, Call::Reconcile(named));
    }

    fn suppress_or_revive(&mut self, number: usize) {
        let roles = self.frameworks[number].info.roles.clone();
        let some = self.ctx.rng.chance(500);
        let named: Vec<String> = roles.iter().take(1).filter(|_| some).cloned().collect();
        let meant = if named.is_empty() { &roles } else { &named };
        let suppressed = &mut self.frameworks[number].suppressed;
        let call = if self.ctx.rng.chance(500) {
            suppressed.extend(meant.iter().cloned());
            Call::Suppress(named)
        } else {
            suppressed.retain(|role| !meant.contains(role));
            Call::Revive(named)
        };
        self.framework_calls(number, call);
    }
}
