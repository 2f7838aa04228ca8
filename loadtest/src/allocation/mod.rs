//! Benches of the kernel's allocator alone: no agents, no network, no clock but the stopwatch.
//!
//! The shapes are those of Apache Mesos' own allocator benchmarks (`DeclineOffers` and
//! `LargeAndSmallQuota` in its `hierarchical_allocator` tests), so that figures can be compared.

mod churn;
mod decline;
mod fairness;
mod quota;

use std::time::{Duration, Instant};

use insula_kernel::allocator::{AgentKey, Allocation, Allocator, FrameworkIdx, Progress};
use insula_types::{Resources, TenantId, Time};

use crate::report::Report;

/// An agent as in Mesos' benchmarks.
const AGENT: &str = "cpus:24;mem:4096;disk:4096;ports:[31000-32000]";

/// How large the cell is, and which scenario to run.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Number of agents.
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    agents: u32,
    /// Number of frameworks, each a tenant of its own except where a scenario says otherwise.
    #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    frameworks: u32,
    /// Number of agents and of roles with a limit in the quota scenario.
    #[arg(long, default_value_t = 3_000, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    quota_roles: u32,
    /// How many rounds of declines or of ending tasks.
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    rounds: u32,
    /// Most candidate checks per call of the allocator; the time of one such slice is reported.
    #[arg(long, default_value_t = 2_000)]
    budget: usize,
    /// Only this scenario.
    #[arg(long)]
    only: Option<Scenario>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Scenario {
    Decline,
    Quota,
    Churn,
    Fairness,
}

pub(crate) fn run(arguments: &Arguments, report: Report) {
    let wanted = |scenario| arguments.only.is_none_or(|only| only == scenario);
    if wanted(Scenario::Decline) {
        decline::run(arguments, report);
    }
    if wanted(Scenario::Quota) {
        quota::run(arguments, report);
    }
    if wanted(Scenario::Churn) {
        churn::run(arguments, report);
    }
    if wanted(Scenario::Fairness) {
        fairness::run(arguments, report);
    }
}

/// Allocators are driven as the kernel drives them: in slices, here until one cycle is done.
struct Cycle {
    total: Duration,
    longest_slice: Duration,
    allocations: Vec<Allocation>,
}

fn cycle(allocator: &mut Allocator, now: Time, budget: usize) -> Cycle {
    let mut cycle = Cycle {
        total: Duration::ZERO,
        longest_slice: Duration::ZERO,
        allocations: Vec::new(),
    };
    loop {
        let start = Instant::now();
        let progress = allocator.allocate(now, budget, &mut cycle.allocations);
        let slice = start.elapsed();
        cycle.total += slice;
        cycle.longest_slice = cycle.longest_slice.max(slice);
        if progress == Progress::Done {
            return cycle;
        }
    }
}

fn add_agents(allocator: &mut Allocator, count: u32, total: &str) {
    let total: Resources = total
        .parse()
        .expect("the benches' resources are well-formed");
    for key in 0..count {
        allocator.add_agent(AgentKey(key), total.clone());
    }
}

fn add_framework(allocator: &mut Allocator, number: u32, tenant: &str, role: &str) {
    let tenant = TenantId::from(tenant);
    allocator.add_framework(FrameworkIdx(number), &tenant, false, &[role.to_owned()]);
}

fn release(allocator: &mut Allocator, allocation: &Allocation) {
    let Allocation {
        agent,
        framework,
        role,
        resources,
    } = allocation;
    allocator.release(*framework, role, *agent, resources);
}

/// A linear congruential generator: the same run every time, and good enough to pick tasks that end.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap_or(0) % bound.max(1)
    }
}
