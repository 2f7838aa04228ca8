//! As many agents as roles, each role with a limit: five sixths small ones, one sixth large ones.

use std::collections::BTreeMap;

use insula_kernel::allocator::Allocator;
use insula_types::Time;

use super::{Arguments, add_agents, add_framework, cycle, release};
use crate::report::{Report, millis};

/// Enough for all limits together, so that limits and not scarcity end the cycle.
const AGENT: &str = "cpus:24;mem:24576;disk:4096;ports:[31000-32000]";

pub(super) fn run(arguments: &Arguments, report: Report) {
    let count = arguments.quota_roles;
    report.title(&format!(
        "quota: {count} agents, {count} roles with limits, a framework each"
    ));
    let mut allocator = Allocator::new();
    add_agents(&mut allocator, count, AGENT);
    for number in 0..count {
        let (tenant, role) = (format!("t{}", number % 30), format!("r{number}"));
        let cores = if number % 6 == 0 { 30 } else { 1 };
        let limit = [
            ("cpus".to_owned(), cores * 1_000),
            ("mem".to_owned(), cores * 1_024_000),
        ];
        allocator.set_role(&format!("{tenant}/{role}"), 1_000, BTreeMap::from(limit));
        add_framework(&mut allocator, number, &tenant, &role);
    }
    let first = cycle(&mut allocator, Time(0), arguments.budget);
    let text = format!(
        "{} for {} allocations",
        millis(first.total),
        first.allocations.len()
    );
    report.figure("first cycle, everything free", &text);

    let mut cycles = Vec::new();
    let mut held = first.allocations;
    for _ in 0..arguments.rounds {
        for each in &held {
            release(&mut allocator, each);
        }
        let next = cycle(&mut allocator, Time(0), arguments.budget);
        cycles.push(next.total);
        held = next.allocations;
    }
    report.times("cycle after everything was released", &cycles);
    let exceeded = allocator.shares().iter().any(|role| {
        role.limit
            .iter()
            .any(|(name, limit)| role.allocated.scalar(name) > *limit)
    });
    report.figure("a limit was exceeded", if exceeded { "YES" } else { "no" });
}
