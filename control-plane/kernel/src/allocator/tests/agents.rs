//! Agents that come, go, shrink and hide.

use super::{Cell, expect, parse};
use crate::allocator::{AgentKey, FrameworkIdx};
use insula_types::{Resources, TenantId};

#[test]
fn freed_resources_are_offered_again_and_nothing_else() {
    let mut cell = Cell::with_agents(&["cpus:4;mem:4096;ports:[1-100]", "cpus:4;mem:4096"]);
    cell.framework(0, "t", "*");
    let offers = cell.allocate();
    assert_eq!(offers.len(), 2);
    let task = parse("cpus:1;mem:512;ports:[7-9]");
    cell.give_back(&offers[0], &task);
    assert_eq!(cell.got(), expect(&[(0, 0, "cpus:1;mem:512;ports:[7-9]")]));
    assert_eq!(cell.got(), []);
}

#[test]
fn splinters_are_not_offered() {
    let mut cell = Cell::with_agents(&["cpus:0.005;mem:31", "cpus:0.01", "mem:32"]);
    cell.framework(0, "t", "*");
    assert_eq!(cell.got(), expect(&[(0, 1, "cpus:0.01"), (0, 2, "mem:32")]));
    assert_eq!(
        cell.why(0, "*"),
        [
            "no agent fits now: needs 0.01 cpus, largest free 0.005",
            "no agent fits now: needs 32 mem, largest free 31",
        ]
    );
}

#[test]
fn agents_with_devices_are_kept_for_those_who_ask_for_devices() {
    let mut cell = Cell::with_agents(&["cpus:4;mem:4096;gpus:2"]);
    cell.framework(0, "t", "*");
    assert_eq!(cell.got(), []);
    cell.allocator.add_framework(
        FrameworkIdx(1),
        &TenantId::from("t"),
        true,
        &["ml".to_owned()],
    );
    assert_eq!(cell.got(), expect(&[(1, 0, "cpus:4;mem:4096;gpus:2")]));
    assert!(
        !cell
            .allocator
            .is_wanted_by_others(AgentKey(0), FrameworkIdx(1))
    );
    cell.allocator
        .update_framework(FrameworkIdx(0), true, &["*".to_owned()]);
    assert!(
        cell.allocator
            .is_wanted_by_others(AgentKey(0), FrameworkIdx(1))
    );
}

#[test]
fn a_framework_that_asks_for_devices_later_is_shown_them() {
    let mut cell = Cell::with_agents(&["cpus:4;mem:4096;gpus:2"]);
    cell.framework(0, "t", "*");
    assert_eq!(cell.got(), []);
    cell.allocator
        .update_framework(FrameworkIdx(0), true, &["*".to_owned()]);
    assert_eq!(cell.got(), expect(&[(0, 0, "cpus:4;mem:4096;gpus:2")]));
}

#[test]
fn an_inactive_agent_is_not_offered_but_keeps_its_charges() {
    let mut cell = Cell::with_agents(&["cpus:4;mem:4096"]);
    cell.allocator.add_framework(
        FrameworkIdx(0),
        &TenantId::from("t"),
        false,
        &["*".to_owned()],
    );
    cell.allocator
        .charge(FrameworkIdx(0), "*", AgentKey(0), &parse("cpus:1;mem:1024"));
    cell.allocator.set_agent_active(AgentKey(0), false);
    assert_eq!(cell.got(), []);
    assert_eq!(cell.why(0, "*"), ["no agent is connected"]);
    cell.allocator.set_agent_active(AgentKey(0), true);
    assert_eq!(cell.got(), expect(&[(0, 0, "cpus:3;mem:3072")]));
}

#[test]
fn an_agent_that_returns_smaller_has_nothing_free_and_an_excess() {
    let mut cell = Cell::with_agents(&["cpus:4;mem:4096"]);
    cell.framework(0, "t", "*");
    let offers = cell.allocate();
    cell.allocator
        .update_agent(AgentKey(0), parse("cpus:2;mem:8192"));
    assert_eq!(cell.allocator.excess(AgentKey(0)), parse("cpus:2"));
    assert_eq!(cell.got(), expect(&[(0, 0, "mem:4096")]));
    cell.give_back(&offers[0], &parse("cpus:1"));
    assert_eq!(cell.allocator.excess(AgentKey(0)), parse("cpus:1"));
    assert_eq!(cell.got(), [], "what ends first only pays back the excess");
    cell.give_back(&offers[0], &parse("cpus:2"));
    assert_eq!(cell.allocator.excess(AgentKey(0)), Resources::new());
    assert_eq!(cell.got(), expect(&[(0, 0, "cpus:1")]));
}

#[test]
fn a_removed_agent_takes_its_charges_along() {
    let mut cell = Cell::with_agents(&["cpus:4;mem:4096", "cpus:4;mem:4096"]);
    cell.framework(0, "t", "*");
    let offers = cell.allocate();
    cell.decline(&offers[1], 60);
    cell.allocator.remove_agent(AgentKey(0));
    cell.allocator.remove_agent(AgentKey(1));
    assert_eq!(cell.held_by("t"), Resources::new());
    cell.release(&offers[0]);
    assert_eq!(cell.allocator.free(AgentKey(0)), None);
    assert_eq!(cell.allocator.next_filter_expiry(), None);
    cell.allocator
        .add_agent(AgentKey(1), parse("cpus:1;mem:1024"));
    assert_eq!(cell.got(), expect(&[(0, 1, "cpus:1;mem:1024")]));
}

#[test]
fn a_removed_framework_leaves_nothing_behind() {
    let mut cell = Cell::with_agents(&["cpus:4;mem:4096"; 3]);
    cell.framework(0, "t", "a/b/c");
    let offers = cell.allocate();
    cell.decline(&offers[0], 60);
    cell.allocator.remove_framework(FrameworkIdx(0));
    assert!(
        cell.allocator.shares().is_empty(),
        "roles are forgotten with their last framework"
    );
    assert_eq!(cell.allocator.next_filter_expiry(), None);
    cell.framework(0, "u", "*");
    assert_eq!(cell.allocate().len(), 3);
}

#[test]
fn a_role_that_was_left_keeps_its_tasks_until_they_end() {
    let mut cell = Cell::with_agents(&["cpus:4;mem:4096"]);
    cell.framework(0, "t", "old");
    let offers = cell.allocate();
    cell.allocator
        .update_framework(FrameworkIdx(0), false, &["new".to_owned()]);
    assert_eq!(cell.held_by("t/old"), parse("cpus:4;mem:4096"));
    cell.give_back(&offers[0], &parse("cpus:1;mem:1024"));
    let again = cell.allocate();
    assert_eq!(&*again[0].role, "new");
    cell.give_back(&offers[0], &parse("cpus:3;mem:3072"));
    assert!(
        cell.allocator
            .shares()
            .iter()
            .all(|role| !role.path.contains("old"))
    );
}

#[test]
fn a_disconnected_framework_gets_nothing() {
    let mut cell = Cell::with_agents(&["cpus:4;mem:4096"]);
    cell.framework(0, "t", "*");
    cell.allocator.set_framework_active(FrameworkIdx(0), false);
    assert_eq!(cell.got(), []);
    assert_eq!(
        cell.why(0, "*"),
        ["no offers: the framework is not connected"]
    );
    cell.allocator.set_framework_active(FrameworkIdx(0), true);
    assert_eq!(cell.allocate().len(), 1);
}

#[test]
fn releasing_more_than_is_held_gives_back_no_more_than_is_held() {
    let mut cell = Cell::with_agents(&["cpus:4;mem:4096"]);
    cell.framework(0, "t", "*");
    let offers = cell.allocate();
    cell.release(&offers[0]);
    cell.release(&offers[0]);
    assert_eq!(
        cell.allocator.free(AgentKey(0)),
        Some(&parse("cpus:4;mem:4096"))
    );
}
