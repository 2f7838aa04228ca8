//! Filters: what a framework does not want to see again for a while.

use insula_types::{Resources, Time};

use super::framework::Stage;
use super::{AgentKey, Allocator, ClientIdx, FrameworkIdx};

/// Most filters that are kept per client and agent.
///
/// They are only several while each refuses something that the others do not, or for longer; of more
/// than this the one that ends first makes room, and the framework sees one offer too early.
const PER_PAIR_MAX: usize = 8;

/// What one client refused of one agent; never empty, none of them covered by another that ends
/// later.
#[derive(Debug, Default)]
pub(super) struct Filters(Vec<Filter>);

#[derive(Debug)]
struct Filter {
    refused: Refused,
    until: Time,
}

#[derive(Debug, PartialEq, Eq)]
enum Refused {
    /// At least all that the agent has; by far the most frequent, and large cells keep millions.
    All,
    Part(Box<Resources>),
}

impl Refused {
    fn covers(&self, amount: &Resources) -> bool {
        match self {
            Self::All => true,
            Self::Part(part) => part.contains(amount),
        }
    }

    fn covers_refused(&self, other: &Self) -> bool {
        match other {
            Self::All => *self == Self::All,
            Self::Part(part) => self.covers(part),
        }
    }
}

impl Filters {
    /// Whether an offer of `amount` is refused.
    pub(super) fn cover(&self, amount: &Resources) -> bool {
        self.0.iter().any(|filter| filter.refused.covers(amount))
    }

    fn cover_all(&self) -> bool {
        self.0.iter().any(|filter| filter.refused == Refused::All)
    }

    /// When the last of those that refuse `amount` ends.
    pub(super) fn covered_until(&self, amount: &Resources) -> Option<Time> {
        self.0
            .iter()
            .filter(|filter| filter.refused.covers(amount))
            .map(|filter| filter.until)
            .max()
    }

    pub(super) fn ends(&self) -> impl Iterator<Item = Time> + '_ {
        self.0.iter().map(|filter| filter.until)
    }

    /// Adds one and returns the ends of those that it made superfluous; `None` if it is so itself.
    fn add(&mut self, refused: Refused, until: Time) -> Option<Vec<Time>> {
        let is_known = |old: &Filter| old.until >= until && old.refused.covers_refused(&refused);
        if self.0.iter().any(is_known) {
            return None;
        }
        let is_superfluous =
            |old: &mut Filter| old.until <= until && refused.covers_refused(&old.refused);
        let mut dropped: Vec<Time> = self
            .0
            .extract_if(.., is_superfluous)
            .map(|filter| filter.until)
            .collect();
        if self.0.len() >= PER_PAIR_MAX {
            let first = (0..self.0.len())
                .min_by_key(|place| self.0[*place].until)
                .unwrap_or(0);
            dropped.push(self.0.swap_remove(first).until);
        }
        self.0.push(Filter { refused, until });
        Some(dropped)
    }

    fn expire(&mut self, end: Time) {
        self.0.retain(|filter| filter.until > end);
    }
}

impl Allocator {
    /// Keeps offers that are contained in `refused` from the framework until then.
    ///
    /// Call it after the refused resources were released. A role that the framework has left has no
    /// filters.
    pub fn filter(
        &mut self,
        framework: FrameworkIdx,
        role: &str,
        agent: AgentKey,
        refused: &Resources,
        until: Time,
    ) {
        let Some(client) = self.client(framework, role) else {
            return;
        };
        if !self.clients[client.0].is_subscribed {
            return;
        }
        let Some(known) = self.agent_mut(agent) else {
            return;
        };
        let refused = if refused.contains(&known.total) {
            Refused::All
        } else {
            Refused::Part(Box::new(refused.clone()))
        };
        let filters = known.filters.entry(client).or_default();
        let Some(dropped) = filters.add(refused, until) else {
            return;
        };
        let kept: Vec<Time> = filters.ends().collect();
        for end in dropped.into_iter().filter(|end| !kept.contains(end)) {
            self.timers.remove(&(end, agent, client));
        }
        self.timers.insert((until, agent, client));
        self.note_filters(client, agent);
    }

    /// Drops the framework's filters in that role, or in all of them.
    pub fn clear_filters(&mut self, framework: FrameworkIdx, role: Option<&str>) {
        for client in self.clients_of(framework, role) {
            let agents: Vec<AgentKey> = self.clients[client.0].declined.iter().collect();
            for agent in agents {
                self.clear_pair(client, agent);
            }
        }
    }

    /// Drops all filters on an agent: its attributes have changed, and with them perhaps the answer.
    pub fn clear_agent_filters(&mut self, agent: AgentKey) {
        let Some(known) = self.agent(agent) else {
            return;
        };
        let clients: Vec<ClientIdx> = known.filters.keys().copied().collect();
        for client in clients {
            self.clear_pair(client, agent);
        }
    }

    /// When the next filter ends; an allocation is due then.
    #[must_use]
    pub fn next_filter_expiry(&self) -> Option<Time> {
        self.timers.first().map(|(end, ..)| *end)
    }

    /// Ends the filters whose time has come, as far as the budget reaches.
    pub(super) fn expire_filters(&mut self, now: Time, checks: &mut usize) {
        while *checks > 0
            && let Some((end, agent, client)) = self.timers.first().copied()
            && end <= now
        {
            *checks -= 1;
            self.timers.pop_first();
            if let Some(known) = self.agent_mut(agent)
                && let Some(filters) = known.filters.get_mut(&client)
            {
                filters.expire(end);
            }
            self.note_filters(client, agent);
        }
    }

    /// Looks again at the filters on agents that have grown, as far as the budget reaches.
    pub(super) fn recheck_grown(&mut self, checks: &mut usize) {
        while *checks > 0
            && let Some(agent) = self.grown.first()
        {
            self.grown.remove(agent);
            self.fresh.insert(agent);
            let Some(known) = self.agents.get(agent.0 as usize).and_then(Option::as_ref) else {
                continue;
            };
            // May exceed the budget by the filters of one agent, at most one per framework and role.
            *checks = checks.saturating_sub(1 + known.partly_refused_by.len());
            for client in &known.partly_refused_by {
                let covers = known
                    .filters
                    .get(client)
                    .is_some_and(|it| it.cover(&known.free));
                self.clients[client.0].covered.set(agent, covers);
            }
        }
    }

    fn clear_pair(&mut self, client: ClientIdx, agent: AgentKey) {
        let Some(known) = self.agent_mut(agent) else {
            return;
        };
        let Some(filters) = known.filters.remove(&client) else {
            return;
        };
        for end in filters.ends() {
            self.timers.remove(&(end, agent, client));
        }
        self.note_filters(client, agent);
    }

    /// Brings a client's view of an agent up to date after its filters there have changed, and asks
    /// it again if it waits for what it no longer refuses.
    fn note_filters(&mut self, client: ClientIdx, agent: AgentKey) {
        let Some(known) = self
            .agents
            .get_mut(agent.0 as usize)
            .and_then(Option::as_mut)
        else {
            return;
        };
        let filters = known
            .filters
            .get(&client)
            .filter(|filters| !filters.0.is_empty());
        let is_declined = filters.is_some();
        let is_covered = filters.is_some_and(|filters| filters.cover(&known.free));
        if filters.is_some_and(|filters| !filters.cover_all()) {
            known.partly_refused_by.insert(client);
        } else {
            known.partly_refused_by.remove(&client);
        }
        if !is_declined {
            known.filters.remove(&client);
        }
        let refuser = &mut self.clients[client.0];
        refuser.declined.set(agent, is_declined);
        refuser.covered.set(agent, is_covered);
        if refuser.stage == Stage::Waits && !is_covered && self.available.contains(agent) {
            self.set_stage(client, Stage::Asks);
        }
    }
}
