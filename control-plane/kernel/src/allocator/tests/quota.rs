//! Quota limits.

use super::{Cell, expect, parse};
use crate::allocator::{AgentKey, FrameworkIdx};

#[test]
fn scalars_are_chopped_to_what_the_limit_leaves() {
    let mut cell = Cell::with_agents(&["cpus:8;mem:8192;licences:5;ports:[1-9]"]);
    cell.limit("t", "cpus:3;licences:2");
    cell.framework(0, "t", "*");
    assert_eq!(
        cell.got(),
        expect(&[(0, 0, "cpus:3;mem:8192;licences:2;ports:[1-9]")])
    );
    assert_eq!(cell.got(), []);
    assert_eq!(cell.why(0, "*"), ["quota limit of t reached: cpus 3 of 3"]);
}

#[test]
fn a_limit_holds_for_everything_below() {
    let mut cell = Cell::with_agents(&["cpus:8;mem:8192"; 2]);
    cell.limit("t", "cpus:6");
    cell.limit("t/a", "cpus:4");
    cell.framework(0, "t", "a");
    cell.framework(1, "t", "a/deep");
    cell.framework(2, "t", "b");
    cell.allocate();
    assert_eq!(cell.held_by("t").scalars()[0], 6_000);
    assert!(cell.held_by("t/a").scalars()[0] <= 4_000);
    cell.framework(3, "u", "*");
    cell.allocate();
    assert_eq!(
        cell.held_by("u").scalars()[0],
        10_000,
        "the rest is for others"
    );
}

#[test]
fn the_limit_of_the_leaf_does_not_bind_the_roles_beside_it() {
    let mut cell = Cell::with_agents(&["cpus:8;mem:8192"]);
    cell.limit("t/.", "cpus:1");
    cell.framework(0, "t", "*");
    cell.framework(1, "t", "batch");
    cell.allocate();
    assert_eq!(cell.held_by("t/.").scalars()[0], 1_000);
    assert_eq!(cell.held_by("t/batch").scalars()[0], 7_000);
}

#[test]
fn what_is_released_below_a_limit_can_be_had_again() {
    let mut cell = Cell::with_agents(&["cpus:8;mem:8192"; 2]);
    cell.limit("t", "cpus:8");
    cell.framework(0, "t", "*");
    let offers = cell.allocate();
    assert_eq!(cell.got(), []);
    cell.give_back(&offers[0], &parse("cpus:2;mem:2048"));
    assert_eq!(cell.allocate().len(), 1);
    assert_eq!(cell.held_by("t").scalars()[0], 8_000);
}

#[test]
fn a_raised_limit_takes_effect_at_once_and_a_lowered_one_takes_nothing_away() {
    let mut cell = Cell::with_agents(&["cpus:8;mem:8192"]);
    cell.limit("t", "cpus:2");
    cell.framework(0, "t", "*");
    cell.allocate();
    cell.limit("t", "cpus:5");
    assert_eq!(cell.got(), expect(&[(0, 0, "cpus:3")]));
    cell.limit("t", "cpus:1");
    assert_eq!(cell.got(), []);
    assert_eq!(cell.held_by("t").scalars()[0], 5_000);
    assert_eq!(cell.why(0, "*"), ["quota limit of t reached: cpus 5 of 1"]);
}

#[test]
fn charges_count_against_the_limit_even_beyond_it() {
    let mut cell = Cell::with_agents(&["cpus:8;mem:8192"]);
    cell.limit("t", "cpus:2");
    cell.framework(0, "t", "*");
    cell.allocator
        .charge(FrameworkIdx(0), "*", AgentKey(0), &parse("cpus:3;mem:100"));
    assert_eq!(cell.got(), []);
    cell.allocator
        .release(FrameworkIdx(0), "*", AgentKey(0), &parse("cpus:2;mem:100"));
    assert_eq!(cell.allocate().len(), 1);
    assert_eq!(cell.held_by("t").scalars()[0], 2_000);
}

/// The limit makes the offer so small that the filter covers it; nothing else happens to the agent
/// when the limit relaxes.
#[test]
fn a_filter_that_bit_only_because_of_a_limit_is_looked_at_again_when_it_relaxes() {
    let mut cell = Cell::with_agents(&["cpus:8;mem:8192", "cpus:8;mem:8192"]);
    cell.limit("t", "cpus:5");
    cell.framework(0, "t", "*");
    let offers = cell.allocate();
    assert_eq!(offers.len(), 1, "the limit is reached with {offers:?}");
    cell.decline_part(&offers[0], &parse("cpus:1;mem:8192"), 3600);
    cell.allocator.set_agent_active(AgentKey(1), false);
    assert_eq!(cell.got(), [], "what the limit leaves is what was refused");
    cell.limit("t", "cpus:7");
    let offers = cell.allocate();
    assert_eq!(offers.len(), 1, "three cores are more than the one refused");
    assert_eq!(cell.held_by("t").scalars()[0], 7_000);
}

#[test]
fn nothing_is_offered_to_a_role_whose_limit_is_zero() {
    let mut cell = Cell::with_agents(&["cpus:8;mem:8192"]);
    cell.allocator
        .set_role("t", 1_000, [("cpus".to_owned(), 0)].into());
    cell.framework(0, "t", "*");
    assert_eq!(cell.got(), []);
    cell.allocator
        .set_role("t", 1_000, [("gpus".to_owned(), 0)].into());
    assert_eq!(cell.got(), expect(&[(0, 0, "cpus:8;mem:8192")]));
}
