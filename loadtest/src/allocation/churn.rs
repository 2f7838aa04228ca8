//! A full cell in which tasks end and what they free is given out again.

use std::time::Instant;

use insula_kernel::allocator::{Allocation, Allocator};
use insula_types::{Resources, Time};

use super::{AGENT, Arguments, Dice, add_agents, add_framework, cycle, release};
use crate::report::Report;

/// A task, and how many end between two cycles.
const TASK: &str = "cpus:1;mem:170";
const ENDS_PER_CYCLE: usize = 100;

/// Cycles per round, so that a round is long enough to be measured.
const CYCLES: u32 = 20;

pub(super) fn run(arguments: &Arguments, report: Report) {
    let Arguments {
        agents,
        frameworks,
        rounds,
        budget,
        ..
    } = arguments;
    report.title(&format!(
        "churn: {agents} agents full of tasks, {frameworks} tenants"
    ));
    let mut allocator = Allocator::new();
    add_agents(&mut allocator, *agents, AGENT);
    for number in 0..*frameworks {
        add_framework(&mut allocator, number, &format!("t{number}"), "*");
    }
    let mut tasks = Vec::new();
    let first = cycle(&mut allocator, Time(0), *budget);
    accept(&mut allocator, &first.allocations, &mut tasks);
    report.figure("tasks", &tasks.len().to_string());

    let mut dice = Dice(7);
    let mut cycles = Vec::new();
    let mut decisions = 0_u32;
    let start = Instant::now();
    for _ in 0..rounds * CYCLES {
        for _ in 0..ENDS_PER_CYCLE.min(tasks.len()) {
            let ended = tasks.swap_remove(dice.below(tasks.len()));
            release(&mut allocator, &ended);
        }
        let next = cycle(&mut allocator, Time(0), *budget);
        cycles.push(next.total);
        decisions += u32::try_from(next.allocations.len()).unwrap_or(0);
        accept(&mut allocator, &next.allocations, &mut tasks);
    }
    let per_second = f64::from(decisions) / start.elapsed().as_secs_f64();
    report.times(
        &format!("cycle after {ENDS_PER_CYCLE} tasks ended"),
        &cycles,
    );
    report.figure(
        "decisions per second, releases included",
        &format!("{per_second:.0}"),
    );
}

/// Launches as many tasks as fit into each offer, and keeps the rest with the last of them.
fn accept(allocator: &mut Allocator, offers: &[Allocation], tasks: &mut Vec<Allocation>) {
    let task: Resources = TASK
        .parse()
        .expect("the benches' resources are well-formed");
    for offer in offers {
        let mut left = offer.resources.clone();
        while left.contains(&task) {
            left.subtract(&task);
            tasks.push(Allocation {
                resources: task.clone(),
                ..offer.clone()
            });
        }
        if !left.is_empty() {
            allocator.release(offer.framework, &offer.role, offer.agent, &left);
            allocator.filter(
                offer.framework,
                &offer.role,
                offer.agent,
                &left,
                Time::NEVER,
            );
        }
    }
}
