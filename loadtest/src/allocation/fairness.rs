//! Tenants of weights 1 to 10 that take all they are offered.

use insula_kernel::allocator::{Allocation, Allocator};
use insula_types::Time;
use insula_types::resources::Scalar;

use super::{Arguments, Dice, add_agents, add_framework, cycle, release};
use crate::report::Report;

/// Cores decide alone here, since all of an agent is handed out in proportion.
const AGENT: &str = "cpus:24;mem:24576";

/// The part of all allocations that ends between two cycles.
const ENDS: usize = 20;

pub(super) fn run(arguments: &Arguments, report: Report) {
    let Arguments {
        agents,
        frameworks,
        rounds,
        budget,
        ..
    } = arguments;
    report.title(&format!(
        "fairness: {agents} agents, {frameworks} saturated tenants, weights 1 to 10"
    ));
    let mut allocator = Allocator::new();
    add_agents(&mut allocator, *agents, AGENT);
    for number in 0..*frameworks {
        let tenant = format!("t{number}");
        allocator.set_role(&tenant, weight(number), std::collections::BTreeMap::new());
        add_framework(&mut allocator, number, &tenant, "*");
    }
    let mut held = cycle(&mut allocator, Time(0), *budget).allocations;
    let first = cores(&held, *frameworks);
    report.figure(
        "largest share error, all at once",
        &percent(largest_error(&first)),
    );

    let mut dice = Dice(7);
    let mut sums = vec![0; *frameworks as usize];
    let mut largest = 0.0_f64;
    for _ in 0..*rounds {
        for _ in 0..held.len() / ENDS {
            let ended = held.swap_remove(dice.below(held.len()));
            release(&mut allocator, &ended);
        }
        held.extend(cycle(&mut allocator, Time(0), *budget).allocations);
        let now = cores(&held, *frameworks);
        largest = largest.max(largest_error(&now));
        for (sum, more) in sums.iter_mut().zip(&now) {
            *sum += more;
        }
    }
    report.figure(
        "largest share error at any moment of churn",
        &percent(largest),
    );
    report.figure(
        "largest share error over time",
        &percent(largest_error(&sums)),
    );
}

fn weight(number: u32) -> u64 {
    u64::from(number % 10 + 1) * 1_000
}

fn cores(held: &[Allocation], frameworks: u32) -> Vec<u64> {
    let mut cores = vec![0; frameworks as usize];
    for each in held {
        cores[each.framework.0 as usize] += each.resources.get(Scalar::Cpus);
    }
    cores
}

/// The largest relative difference between what a tenant has and what its weight entitles it to.
#[expect(clippy::cast_precision_loss, reason = "a figure for people")]
fn largest_error(cores: &[u64]) -> f64 {
    let total: u64 = cores.iter().sum();
    let weights: u64 = (0..).zip(cores).map(|(number, _)| weight(number)).sum();
    let error = |(number, cores): (u32, &u64)| {
        let fair = total as f64 * weight(number) as f64 / weights as f64;
        (*cores as f64 / fair - 1.0).abs()
    };
    (0..).zip(cores).map(error).fold(0.0, f64::max)
}

fn percent(fraction: f64) -> String {
    format!("{:.2} %", fraction * 100.0)
}
