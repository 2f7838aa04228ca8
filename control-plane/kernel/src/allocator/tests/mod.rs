//! Stories about who gets what, told with named agents and frameworks.

mod agents;
mod audit;
mod drf;
mod filters;
mod quota;
mod random;
mod slices;

use std::collections::BTreeMap;

use insula_types::{AgentId, Resources, Span, TenantId, Time};

use super::{AgentKey, Allocation, Allocator, FrameworkIdx, Progress};

/// More checks than any of the small cells here needs.
const PLENTY: usize = 1_000_000;

/// What a framework got: its number, the agent's number, and how much.
type Got = (u32, u32, String);

struct Cell {
    allocator: Allocator,
    now: Time,
}

impl Cell {
    /// A cell with agents 0, 1, … of these resources.
    fn with_agents(totals: &[&str]) -> Self {
        let mut cell = Self {
            allocator: Allocator::new(),
            now: Time(0),
        };
        for (key, total) in (0..).zip(totals) {
            cell.allocator.add_agent(AgentKey(key), parse(total));
        }
        cell
    }

    /// Adds a framework of a tenant in one role.
    fn framework(&mut self, number: u32, tenant: &str, role: &str) {
        let tenant = TenantId::from(tenant);
        self.allocator
            .add_framework(FrameworkIdx(number), &tenant, false, &[role.to_owned()]);
    }

    fn weight(&mut self, path: &str, weight: u64) {
        self.allocator
            .set_role(path, weight * 1_000, BTreeMap::new());
    }

    fn limit(&mut self, path: &str, limit: &str) {
        let limit = parse(limit);
        let common = insula_types::resources::Scalar::ALL
            .map(|scalar| (scalar.name().to_owned(), limit.get(scalar)));
        let named = common.into_iter().filter(|(_, millis)| *millis > 0);
        let custom = limit.custom().clone();
        self.allocator
            .set_role(path, 1_000, named.chain(custom).collect());
    }

    fn allocate(&mut self) -> Vec<Allocation> {
        let mut out = Vec::new();
        assert_eq!(
            self.allocator.allocate(self.now, PLENTY, &mut out),
            Progress::Done
        );
        assert!(
            !self.allocator.is_dirty(),
            "a finished cycle leaves nothing to do"
        );
        audit::audit(&self.allocator);
        out
    }

    fn got(&mut self) -> Vec<Got> {
        readable(&self.allocate())
    }

    fn release(&mut self, allocation: &Allocation) {
        self.give_back(allocation, &allocation.resources);
    }

    fn give_back(&mut self, allocation: &Allocation, part: &Resources) {
        self.allocator.release(
            allocation.framework,
            &allocation.role,
            allocation.agent,
            part,
        );
    }

    /// Declines with a filter of so many seconds.
    fn decline(&mut self, allocation: &Allocation, secs: u64) {
        self.decline_part(allocation, &allocation.resources, secs);
    }

    fn decline_part(&mut self, allocation: &Allocation, part: &Resources, secs: u64) {
        self.give_back(allocation, part);
        self.allocator.filter(
            allocation.framework,
            &allocation.role,
            allocation.agent,
            part,
            self.now + Span::from_secs(secs),
        );
    }

    fn wait(&mut self, secs: u64) {
        self.now = self.now + Span::from_secs(secs);
    }

    fn held_by(&self, path: &str) -> Resources {
        let shares = self.allocator.shares();
        let role = shares.into_iter().find(|role| &*role.path == path);
        role.map(|role| role.allocated).unwrap_or_default()
    }

    fn why(&self, framework: u32, role: &str) -> Vec<String> {
        let name = |agent: AgentKey| AgentId::from(format!("A{}", agent.0));
        let reasons = self
            .allocator
            .explain(FrameworkIdx(framework), role, self.now, name);
        reasons.iter().map(ToString::to_string).collect()
    }
}

fn parse(text: &str) -> Resources {
    text.parse().unwrap()
}

fn readable(allocations: &[Allocation]) -> Vec<Got> {
    let got = |each: &Allocation| (each.framework.0, each.agent.0, each.resources.to_string());
    allocations.iter().map(got).collect()
}

fn expect(got: &[(u32, u32, &str)]) -> Vec<Got> {
    got.iter()
        .map(|(framework, agent, text)| (*framework, *agent, (*text).to_owned()))
        .collect()
}
