//! Agents: what each has, and how much of it is free.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use insula_types::Resources;
use insula_types::resources::Scalar;

use super::filter::Filters;
use super::{AgentKey, Allocator, ClientIdx, MIN_ALLOCATABLE, put};

/// An agent's resources: `total` = `free` + `charged`, unless more is charged than there is.
#[derive(Debug)]
pub(super) struct Agent {
    pub(super) total: Resources,
    pub(super) free: Resources,
    pub(super) charged: Resources,
    /// By whom; the sum of these is `charged`.
    pub(super) held: BTreeMap<ClientIdx, Resources>,
    pub(super) filters: BTreeMap<ClientIdx, Filters>,
    /// Those whose filters do not cover all that the agent has: their answer depends on what is free.
    pub(super) partly_refused_by: BTreeSet<ClientIdx>,
    pub(super) is_active: bool,
    /// More is charged than there is: it came back smaller than its tasks.
    pub(super) is_over: bool,
}

impl Agent {
    fn new(total: Resources) -> Self {
        Self {
            free: total.clone(),
            total,
            charged: Resources::new(),
            held: BTreeMap::new(),
            filters: BTreeMap::new(),
            partly_refused_by: BTreeSet::new(),
            is_active: true,
            is_over: false,
        }
    }

    pub(super) fn charge(&mut self, client: ClientIdx, amount: &Resources) {
        put_in(self.held.entry(client).or_default(), amount);
        put_in(&mut self.charged, amount);
        if !self.is_over && self.free.contains(amount) {
            take_out(&mut self.free, amount);
        } else {
            self.measure();
        }
    }

    /// Gives back what the client holds of `amount`, and returns it with whether that was all of it.
    pub(super) fn release<'a>(
        &mut self,
        client: ClientIdx,
        amount: &'a Resources,
    ) -> Option<(Cow<'a, Resources>, bool)> {
        let held = self.held.get_mut(&client)?;
        let returned = if held.contains(amount) {
            Cow::Borrowed(amount)
        } else {
            Cow::Owned(held.clone())
        };
        take_out(held, &returned);
        let is_last = held.is_empty();
        if is_last {
            self.held.remove(&client);
        }
        take_out(&mut self.charged, &returned);
        if self.is_over {
            self.measure();
        } else {
            put_in(&mut self.free, &returned);
        }
        Some((returned, is_last))
    }

    fn measure(&mut self) {
        self.is_over = !self.total.contains(&self.charged);
        self.free = self.total.clone();
        self.free.subtract(&self.charged);
    }

    fn is_available(&self) -> bool {
        self.is_active && is_allocatable(&self.free)
    }
}

/// Whether an amount is worth offering.
fn is_allocatable(amount: &Resources) -> bool {
    amount
        .scalars()
        .iter()
        .zip(MIN_ALLOCATABLE)
        .any(|(have, min)| *have >= min)
}

/// Adds; whole agents come and go, and copying one is far cheaper than merging it into nothing.
fn put_in(sum: &mut Resources, more: &Resources) {
    if sum.is_empty() {
        sum.clone_from(more);
    } else {
        sum.add(more);
    }
}

/// Subtracts; see [`put_in`].
fn take_out(sum: &mut Resources, less: &Resources) {
    if sum == less {
        *sum = Resources::new();
    } else {
        sum.subtract(less);
    }
}

impl Allocator {
    /// Adds an active agent with all of `total` free.
    ///
    /// An agent with `gpus` is shown only to frameworks that asked for devices.
    pub fn add_agent(&mut self, agent: AgentKey, total: Resources) {
        self.remove_agent(agent);
        self.tree.grow_total(&total);
        put(&mut self.agents, agent.0, Agent::new(total));
        self.note_room(agent, true);
    }

    /// Replaces an agent's total, which drops all filters on it if the total is another one.
    ///
    /// If more is charged than there is now, nothing is free and [`Self::excess`] has the rest.
    pub fn update_agent(&mut self, agent: AgentKey, total: Resources) {
        let Some(known) = self.agent_mut(agent) else {
            return;
        };
        if known.total == total {
            return;
        }
        let former = std::mem::replace(&mut known.total, total.clone());
        known.measure();
        self.tree.shrink_total(&former);
        self.tree.grow_total(&total);
        self.clear_agent_filters(agent);
        self.note_room(agent, true);
    }

    /// Removes an agent and releases everything that is charged there.
    pub fn remove_agent(&mut self, agent: AgentKey) {
        self.clear_agent_filters(agent);
        let slot = self.agents.get_mut(agent.0 as usize);
        let Some(removed) = slot.and_then(Option::take) else {
            return;
        };
        for set in [
            &mut self.available,
            &mut self.with_gpus,
            &mut self.grown,
            &mut self.fresh,
        ] {
            set.remove(agent);
        }
        self.tree.shrink_total(&removed.total);
        for (client, held) in &removed.held {
            self.give_back(*client, held, true);
        }
    }

    /// An inactive agent keeps what is charged and refused there, but nothing of it is offered.
    pub fn set_agent_active(&mut self, agent: AgentKey, active: bool) {
        if let Some(known) = self.agent_mut(agent) {
            known.is_active = active;
            self.note_room(agent, active);
        }
    }

    /// What is neither offered nor used; `None` if the agent is not known.
    #[must_use]
    pub fn free(&self, agent: AgentKey) -> Option<&Resources> {
        self.agent(agent).map(|agent| &agent.free)
    }

    /// What is offered and used together; `None` if the agent is not known.
    #[must_use]
    pub fn charged(&self, agent: AgentKey) -> Option<&Resources> {
        self.agent(agent).map(|agent| &agent.charged)
    }

    /// By how much [`Self::charged`] exceeds the agent's total: nothing unless it came back smaller
    /// than its tasks.
    #[must_use]
    pub fn excess(&self, agent: AgentKey) -> Resources {
        let mut excess = Resources::new();
        if let Some(agent) = self.agent(agent).filter(|agent| agent.is_over) {
            excess.add(&agent.charged);
            excess.subtract(&agent.total);
        }
        excess
    }

    /// Notes how much room an agent has; `grown` says that it may be more than before.
    pub(super) fn note_room(&mut self, agent: AgentKey, grown: bool) {
        let Some(known) = self.agent(agent) else {
            return;
        };
        let available = known.is_available();
        let has_gpus = known.total.get(Scalar::Gpus) > 0;
        self.with_gpus.set(agent, has_gpus);
        self.available.set(agent, available);
        if grown && available {
            self.grown.insert(agent);
        }
    }
}
