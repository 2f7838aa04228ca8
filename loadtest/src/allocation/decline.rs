//! Every framework declines every offer, round after round, with a filter that does not end.

use std::time::{Duration, Instant};

use insula_kernel::allocator::Allocator;
use insula_types::Time;

use super::{AGENT, Arguments, Cycle, add_agents, add_framework, cycle, release};
use crate::report::{Report, millis};

pub(super) fn run(arguments: &Arguments, report: Report) {
    let Arguments {
        agents, frameworks, ..
    } = arguments;
    report.title(&format!(
        "decline: {agents} agents, {frameworks} frameworks, a tenant each"
    ));
    rounds(arguments, report, |number| (format!("t{number}"), "*"));
    report.title(&format!(
        "decline: {agents} agents, {frameworks} frameworks, all in one role"
    ));
    rounds(arguments, report, |_| ("t".to_owned(), "r"));
}

fn rounds(arguments: &Arguments, report: Report, place: impl Fn(u32) -> (String, &'static str)) {
    let mut allocator = Allocator::new();
    let start = Instant::now();
    add_agents(&mut allocator, arguments.agents, AGENT);
    for number in 0..arguments.frameworks {
        let (tenant, role) = place(number);
        add_framework(&mut allocator, number, &tenant, role);
    }
    report.figure("adding them", &millis(start.elapsed()));

    let mut cycles = Vec::new();
    let mut declines = Vec::new();
    let mut slices = Vec::new();
    let mut offers = 0;
    for round in 0..=arguments.rounds {
        let Cycle {
            total,
            longest_slice,
            allocations,
        } = cycle(&mut allocator, Time(u64::from(round)), arguments.budget);
        if round == 0 {
            let text = format!("{} for {} offers", millis(total), allocations.len());
            report.figure("first cycle, everything free", &text);
        } else {
            cycles.push(total);
        }
        slices.push(longest_slice);
        offers += allocations.len();
        let start = Instant::now();
        for each in &allocations {
            release(&mut allocator, each);
            allocator.filter(
                each.framework,
                &each.role,
                each.agent,
                &each.resources,
                Time::NEVER,
            );
        }
        declines.push(start.elapsed());
    }
    report.times("cycle after a round of declines", &cycles);
    report.times("longest slice of a cycle", &slices);
    report.times("taking a round of declines", &declines);
    let busy: Duration = cycles.iter().chain(&declines).sum();
    let per_second = f64::from(u32::try_from(offers).unwrap_or(u32::MAX)) / busy.as_secs_f64();
    report.figure(
        "offers made and declined per second",
        &format!("{per_second:.0}"),
    );
}
