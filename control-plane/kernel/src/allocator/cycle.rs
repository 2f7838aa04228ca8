//! The allocation cycle.

use std::sync::Arc;

use insula_types::{Resources, Time};

use super::agent_set::{is_member, next_from};
use super::framework::{Client, LastGrant, Stage};
use super::slice::Board;
use super::tree::Next;
use super::{AgentKey, Allocation, Allocator, ClientIdx, FrameworkIdx, Progress};

impl Allocator {
    /// Appends allocations to `out`, charged, until nobody who wants something can get any more or
    /// about `budget` candidate checks were made.
    ///
    /// A check is one framework looking for one agent, or one filter that was looked at; one that ends
    /// in an allocation takes one to two microseconds, any other far less. The budget is exceeded by at
    /// most one framework's look at all agents. Stopping and going on gives the same
    /// resources to the same frameworks as one large budget, if nothing else happens in between; only
    /// what would have been one allocation may come as two.
    pub fn allocate(&mut self, now: Time, budget: usize, out: &mut Vec<Allocation>) -> Progress {
        let mut checks = budget.max(1);
        let all = checks as u64;
        let progress = self.give(now, &mut checks, out);
        self.candidates += all - checks as u64;
        progress
    }

    fn give(&mut self, now: Time, checks: &mut usize, out: &mut Vec<Allocation>) -> Progress {
        self.call += 1;
        self.tree.freshen();
        self.expire_filters(now, checks);
        self.recheck_grown(checks);
        if *checks == 0 {
            return Progress::More;
        }
        self.wake();
        while let Some(next) = self.tree.next() {
            if *checks == 0 {
                return Progress::More;
            }
            *checks -= 1;
            if !self.serve_undeclined(next, out) && !self.serve_declined(next, checks, out) {
                self.set_stage(next.client, Stage::Waits);
            }
        }
        self.cycle += 1;
        Progress::Done
    }

    /// How many candidate checks were made so far.
    #[must_use]
    pub fn candidates(&self) -> u64 {
        self.candidates
    }

    /// Whether something has happened after which [`Self::allocate`] may find something to give.
    #[must_use]
    pub fn is_dirty(&self) -> bool {
        self.tree.anybody_asks()
            || !self.grown.is_empty()
            || !self.fresh.is_empty()
            || (!self.cut.is_empty() && self.tree.is_relaxed())
    }

    /// Whether another framework wants offers and has refused nothing of this agent: its resources
    /// should then not be kept for long.
    #[must_use]
    pub fn is_wanted_by_others(&self, agent: AgentKey, framework: FrameworkIdx) -> bool {
        self.clients.iter().any(|(_, client)| {
            client.framework != framework
                && client.stage != Stage::Off
                && !client.declined.contains(agent)
                && (self.takes_gpus(client) || !self.with_gpus.contains(agent))
        })
    }

    /// Makes those ask again that wait for agents that have grown, or for a limit that has relaxed.
    fn wake(&mut self) {
        let mut woken = Vec::new();
        if self.tree.take_relaxed() {
            woken.extend(std::mem::take(&mut self.cut));
        }
        if !self.fresh.is_empty() {
            let waiting = self
                .clients
                .iter()
                .filter(|(_, client)| client.stage == Stage::Waits);
            let concerned = waiting.filter(|(_, client)| self.can_have_fresh(client));
            woken.extend(concerned.map(|(idx, _)| ClientIdx(idx)));
            self.fresh.clear();
        }
        for client in woken {
            if self.clients[client.0].stage == Stage::Waits {
                self.set_stage(client, Stage::Asks);
            }
        }
    }

    fn can_have_fresh(&self, client: &Client) -> bool {
        let takes_gpus = self.takes_gpus(client);
        (0..self.fresh.words())
            .any(|index| self.fresh.word(index) & self.not_refused(client, takes_gpus, index) != 0)
    }

    /// Gives the client part of an agent of which it refused nothing.
    fn serve_undeclined(&mut self, next: Next, out: &mut Vec<Allocation>) -> bool {
        let client = &self.clients[next.client.0];
        let takes_gpus = self.takes_gpus(client);
        let candidates =
            |index: usize| self.offerable(takes_gpus, index) & !client.declined.word(index);
        let again = client
            .last
            .agent
            .filter(|agent| client.last.cycle == self.cycle && is_member(*agent, candidates));
        let found = again.or_else(|| next_from(self.cursor, self.available.words(), candidates));
        let Some(agent) = found else { return false };
        let Ok(amount) = self.fair_slice(next, agent) else {
            return false;
        };
        self.cursor = AgentKey(agent.0.wrapping_add(1));
        self.grant(next.client, agent, amount, out);
        true
    }

    /// Gives the client part of an agent of which it refused something, if that is more than it refused.
    fn serve_declined(
        &mut self,
        next: Next,
        checks: &mut usize,
        out: &mut Vec<Allocation>,
    ) -> bool {
        let mut start = AgentKey(0);
        let mut was_cut = false;
        while let Some(agent) = self.next_not_refused(next.client, start) {
            match self.fair_slice(next, agent) {
                Ok(amount) => {
                    self.grant(next.client, agent, amount, out);
                    return true;
                }
                Err(Covered { by_limit: true }) => was_cut = true,
                Err(Covered { by_limit: false }) => {
                    self.clients[next.client.0].covered.insert(agent);
                }
            }
            *checks = checks.saturating_sub(1);
            start = AgentKey(agent.0.saturating_add(1));
        }
        if was_cut {
            self.cut.insert(next.client);
        }
        false
    }

    fn next_not_refused(&self, client: ClientIdx, start: AgentKey) -> Option<AgentKey> {
        let client = &self.clients[client.0];
        let takes_gpus = self.takes_gpus(client);
        let candidates = |index: usize| self.not_refused(client, takes_gpus, index);
        next_from(start, self.available.words(), candidates).filter(|agent| *agent >= start)
    }

    /// The client's fair slice of an agent, or, as long as that was refused, one twice as large.
    fn fair_slice(&self, next: Next, agent: AgentKey) -> Result<Resources, Covered> {
        let agent = self.agent(agent).expect("available agents are there");
        let filters = agent.filters.get(&next.client);
        let node = self.clients[next.client.0].node;
        let board = Board::new(&agent.free, &agent.total);
        let mut size = board.fair_size(&next.room);
        loop {
            let mut amount = board.cut(size);
            let by_limit = self.tree.chop(node, &mut amount);
            if !filters.is_some_and(|filters| filters.cover(&amount)) {
                return Ok(amount);
            }
            if size >= board.whole() {
                return Err(Covered { by_limit });
            }
            size = board.larger(size);
        }
    }

    fn grant(
        &mut self,
        client: ClientIdx,
        agent: AgentKey,
        amount: Resources,
        out: &mut Vec<Allocation>,
    ) {
        self.hold(client, agent, &amount);
        let (cycle, call) = (self.cycle, self.call);
        let known = &mut self.clients[client.0];
        let last = known.last;
        if last.agent == Some(agent) && last.call == call {
            // Another slice of the agent that it was just given: still one allocation.
            self.tree.charge(known.node, &amount);
            out[last.index].resources.add(&amount);
            return;
        }
        self.tree.allocate(known.node, &amount);
        known.last = LastGrant {
            agent: Some(agent),
            cycle,
            call,
            index: out.len(),
        };
        let (framework, role) = (known.framework, Arc::clone(&known.role));
        out.push(Allocation {
            agent,
            framework,
            role,
            resources: amount,
        });
    }

    pub(super) fn takes_gpus(&self, client: &Client) -> bool {
        self.framework(client.framework)
            .is_some_and(|framework| framework.takes_gpus)
    }

    /// Agents, as the bits of one word, that have something to offer to anybody with that capability.
    fn offerable(&self, takes_gpus: bool, index: usize) -> u64 {
        let hidden = if takes_gpus {
            0
        } else {
            self.with_gpus.word(index)
        };
        self.available.word(index) & !hidden
    }

    /// Those of them of which the client did not refuse everything.
    fn not_refused(&self, client: &Client, takes_gpus: bool, index: usize) -> u64 {
        self.offerable(takes_gpus, index) & !client.covered.word(index)
    }
}

/// All that a client could be given of an agent is refused by its filters.
struct Covered {
    /// A quota limit has made it so little.
    by_limit: bool,
}
