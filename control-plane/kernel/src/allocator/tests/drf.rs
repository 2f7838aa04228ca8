//! Order: dominant shares, weights, the role tree.

use super::{Cell, PLENTY, expect, parse};
use crate::allocator::{AgentKey, FrameworkIdx};
use insula_types::{Resources, TenantId};

/// The frameworks 0, 1, … launch as many tasks of their demand as fit into each offer, decline what
/// cannot hold one, and are asked until nobody can launch any more. Returns their numbers of tasks.
fn launch_until_full(cell: &mut Cell, demands: &[&str]) -> Vec<usize> {
    let demands: Vec<Resources> = demands.iter().map(|demand| parse(demand)).collect();
    let mut tasks = vec![0; demands.len()];
    loop {
        let offers = cell.allocate();
        if offers.is_empty() {
            return tasks;
        }
        for offer in offers {
            let who = offer.framework.0 as usize;
            let mut left = offer.resources.clone();
            while left.contains(&demands[who]) {
                left.subtract(&demands[who]);
                tasks[who] += 1;
            }
            if left == offer.resources {
                cell.decline(&offer, 3600);
            } else {
                cell.give_back(&offer, &left);
            }
        }
    }
}

#[test]
fn the_example_of_the_paper_comes_out_as_in_the_paper() {
    let mut cell = Cell::with_agents(&["cpus:9;mem:18432"]);
    cell.framework(0, "a", "*");
    cell.framework(1, "b", "*");
    let tasks = launch_until_full(&mut cell, &["cpus:1;mem:4096", "cpus:3;mem:1024"]);
    assert_eq!(tasks, [3, 2]);
    assert_eq!(cell.held_by("a"), parse("cpus:3;mem:12288"));
    assert_eq!(cell.held_by("b"), parse("cpus:6;mem:2048"));
}

#[test]
fn whole_agents_go_to_whoever_has_the_smaller_share() {
    let mut cell = Cell::with_agents(&["cpus:2;mem:1024"]);
    cell.framework(0, "a", "*");
    assert_eq!(cell.got(), expect(&[(0, 0, "cpus:2;mem:1024")]));
    cell.framework(1, "b", "*");
    for (agent, total) in [
        (1, "cpus:1;mem:512"),
        (2, "cpus:3;mem:2048"),
        (3, "cpus:4;mem:4096"),
    ] {
        cell.allocator.add_agent(AgentKey(agent), parse(total));
    }
    let got = cell.got();
    assert_eq!(got[0].0, 1, "b has nothing yet: {got:?}");
    let (a, b) = (cell.held_by("a"), cell.held_by("b"));
    assert!(
        a.scalars()[0].abs_diff(b.scalars()[0]) <= 1_000,
        "{a} and {b}"
    );
}

#[test]
fn equal_frameworks_are_served_equally_often() {
    let mut cell = Cell::with_agents(&["cpus:4;mem:4096"; 4]);
    for number in 0..4 {
        cell.framework(number, "t", &format!("r{number}"));
    }
    for _ in 0..8 {
        let offers = cell.allocate();
        let mut served: Vec<u32> = offers.iter().map(|offer| offer.framework.0).collect();
        served.sort_unstable();
        assert_eq!(served, [0, 1, 2, 3]);
        for offer in &offers {
            cell.release(offer);
        }
    }
}

#[test]
fn shares_follow_weights() {
    let mut cell = Cell::with_agents(&["cpus:24;mem:24576"; 10]);
    cell.weight("heavy", 3);
    cell.framework(0, "heavy", "*");
    cell.framework(1, "light", "*");
    cell.allocate();
    assert_eq!(cell.held_by("heavy").to_string(), "cpus:180;mem:184320");
    assert_eq!(cell.held_by("light").to_string(), "cpus:60;mem:61440");
}

#[test]
fn roles_share_what_their_parent_gets() {
    let mut cell = Cell::with_agents(&["cpus:24;mem:24576"; 4]);
    cell.framework(0, "a", "x");
    cell.framework(1, "a", "y");
    cell.framework(2, "a", "y/z");
    cell.framework(3, "b", "*");
    cell.allocate();
    let cpus = |path: &str| cell.held_by(path).scalars()[0] / 1000;
    assert_eq!((cpus("a"), cpus("b")), (48, 48));
    assert_eq!((cpus("a/x"), cpus("a/y")), (24, 24));
    assert_eq!(
        (cpus("a/y/."), cpus("a/y/z")),
        (12, 12),
        "the leaf is one of the children"
    );
}

#[test]
fn the_tenants_own_role_is_a_leaf_beside_its_roles() {
    let mut cell = Cell::with_agents(&["cpus:40;mem:40960"]);
    cell.weight("t/.", 4);
    cell.framework(0, "t", "*");
    cell.framework(1, "t", "batch");
    cell.allocate();
    assert_eq!(cell.held_by("t/."), parse("cpus:32;mem:32768"));
    assert_eq!(cell.held_by("t/batch"), parse("cpus:8;mem:8192"));
}

#[test]
fn a_framework_may_compete_in_several_roles() {
    let mut cell = Cell::with_agents(&["cpus:8;mem:8192"]);
    let roles = ["x".to_owned(), "y".to_owned()];
    cell.allocator
        .add_framework(FrameworkIdx(7), &TenantId::from("t"), false, &roles);
    let offers = cell.allocate();
    let roles: Vec<&str> = offers.iter().map(|offer| &*offer.role).collect();
    assert_eq!(roles, ["x", "y"]);
    assert!(
        offers
            .iter()
            .all(|offer| offer.resources == parse("cpus:4;mem:4096"))
    );
}

#[test]
fn a_weight_that_changes_changes_who_comes_next() {
    let mut cell = Cell::with_agents(&["cpus:4;mem:4096", "cpus:4;mem:4096"]);
    cell.framework(0, "a", "*");
    cell.framework(1, "b", "*");
    let offers = cell.allocate();
    assert_eq!(cell.held_by("a"), cell.held_by("b"));
    cell.weight("b", 7);
    cell.release(&offers[0]);
    cell.allocate();
    assert_eq!(cell.held_by("a"), parse("cpus:1;mem:1024"));
    assert_eq!(cell.held_by("b"), parse("cpus:7;mem:7168"));
}

#[test]
fn the_same_calls_give_the_same_answers() {
    let story = || {
        let mut cell = Cell::with_agents(&["cpus:16;mem:9000;ports:[1-90]"; 9]);
        for number in 0..20 {
            cell.framework(
                number,
                &format!("t{}", number % 3),
                &format!("r{}", number % 5),
            );
        }
        let mut log = Vec::new();
        for round in 0..10 {
            let mut out = Vec::new();
            cell.allocator.allocate(cell.now, PLENTY, &mut out);
            for (place, offer) in out
                .iter()
                .enumerate()
                .filter(|(place, _)| place % 3 != round % 3)
            {
                cell.decline(offer, place as u64);
            }
            cell.wait(3);
            log.push(out);
        }
        log
    };
    assert_eq!(story(), story());
}
