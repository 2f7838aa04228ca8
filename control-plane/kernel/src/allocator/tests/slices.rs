//! Fair slices while others wait, and stopping in the middle.

use std::collections::BTreeMap;

use super::{Cell, expect, parse};
use crate::allocator::{AgentKey, FrameworkIdx, Progress};
use insula_types::{Resources, Time};

#[test]
fn who_is_alone_gets_whole_agents() {
    let mut cell = Cell::with_agents(&["cpus:64;mem:65536;ports:[1-100]"; 2]);
    cell.framework(0, "t", "*");
    let all = "cpus:64;mem:65536;ports:[1-100]";
    assert_eq!(cell.got(), expect(&[(0, 0, all), (0, 1, all)]));
}

#[test]
fn one_agent_serves_many_frameworks_at_once() {
    let mut cell = Cell::with_agents(&["cpus:8;mem:16384;ports:[1-80]"]);
    for number in 0..4 {
        cell.framework(number, &format!("t{number}"), "*");
    }
    assert_eq!(
        cell.got(),
        expect(&[
            (0, 0, "cpus:2;mem:4096;ports:[1-20]"),
            (1, 0, "cpus:2;mem:4096;ports:[21-40]"),
            (2, 0, "cpus:2;mem:4096;ports:[41-60]"),
            (3, 0, "cpus:2;mem:4096;ports:[61-80]"),
        ])
    );
}

#[test]
fn more_frameworks_than_steps_take_turns() {
    let mut cell = Cell::with_agents(&["cpus:2;mem:2048"]);
    for number in 0..6 {
        cell.framework(number, &format!("t{number}"), "*");
    }
    let offers = cell.allocate();
    let served: Vec<u32> = offers.iter().map(|offer| offer.framework.0).collect();
    assert_eq!(served, [0, 1, 2, 3], "a small machine is cut in quarters");
    for offer in &offers {
        cell.decline(offer, 5);
    }
    let served: Vec<u32> = cell
        .allocate()
        .iter()
        .map(|offer| offer.framework.0)
        .collect();
    assert_eq!(&served[..2], [4, 5]);
}

#[test]
fn slices_follow_weights() {
    let mut cell = Cell::with_agents(&["cpus:12;mem:12288"]);
    cell.weight("b", 3);
    cell.framework(0, "a", "*");
    cell.framework(1, "b", "*");
    assert_eq!(
        cell.got(),
        expect(&[(0, 0, "cpus:3;mem:3072"), (1, 0, "cpus:9;mem:9216")])
    );
}

#[test]
fn what_one_holds_already_counts_in_its_slice() {
    let mut cell = Cell::with_agents(&["cpus:8;mem:8192", "cpus:8;mem:8192"]);
    cell.framework(0, "a", "*");
    cell.framework(1, "b", "*");
    cell.allocator
        .charge(FrameworkIdx(0), "*", AgentKey(0), &parse("cpus:4;mem:4096"));
    cell.allocate();
    assert_eq!(cell.held_by("a"), parse("cpus:8;mem:8192"));
    assert_eq!(cell.held_by("b"), parse("cpus:8;mem:8192"));
}

#[test]
fn with_more_agents_than_frameworks_offers_are_whole_agents() {
    let mut cell = Cell::with_agents(&["cpus:8;mem:8192"; 12]);
    for number in 0..4 {
        cell.framework(number, &format!("t{number}"), "*");
    }
    let offers = cell.allocate();
    assert_eq!(offers.len(), 12);
    assert!(
        offers
            .iter()
            .all(|offer| offer.resources == parse("cpus:8;mem:8192"))
    );
}

fn sums(cell: &mut Cell, budget: usize) -> BTreeMap<(u32, u32), Resources> {
    let mut sums: BTreeMap<(u32, u32), Resources> = BTreeMap::new();
    for calls in 0.. {
        assert!(calls < 10_000, "each call makes progress");
        let mut out = Vec::new();
        let progress = cell.allocator.allocate(Time(7_000_000), budget, &mut out);
        for each in out {
            sums.entry((each.framework.0, each.agent.0))
                .or_default()
                .add(&each.resources);
        }
        if progress == Progress::Done {
            break;
        }
    }
    sums
}

#[test]
fn stopping_and_going_on_gives_the_same_as_one_large_budget() {
    let story = |budget: usize| {
        let mut cell = Cell::with_agents(&["cpus:8;mem:8192;ports:[1-80]"; 7]);
        for number in 0..25 {
            cell.framework(
                number,
                &format!("t{}", number % 4),
                &format!("r{}", number % 3),
            );
        }
        for (place, offer) in cell.allocate().iter().enumerate() {
            match place % 3 {
                0 => cell.decline(offer, place as u64),
                1 => cell.release(offer),
                _ => {}
            }
        }
        sums(&mut cell, budget)
    };
    let whole = story(usize::MAX);
    assert!(!whole.is_empty());
    for budget in [0, 1, 2, 3, 10, 100] {
        assert_eq!(story(budget), whole, "with a budget of {budget}");
    }
}
