//! Filters, suppression, and who may not starve whom.

use super::{Cell, expect, parse};
use crate::allocator::{AgentKey, FrameworkIdx};
use insula_types::{Span, Time};

const ALL: &str = "cpus:4;mem:4096";

#[test]
fn what_was_declined_is_not_offered_until_the_filter_ends() {
    let mut cell = Cell::with_agents(&[ALL]);
    cell.framework(0, "t", "*");
    let offers = cell.allocate();
    cell.decline(&offers[0], 5);
    assert_eq!(cell.got(), []);
    assert_eq!(
        cell.why(0, "*"),
        ["no offer of agent A0: declined, filtered for another 5.0 s"]
    );
    assert_eq!(
        cell.allocator.next_filter_expiry(),
        Some(Time(0) + Span::from_secs(5))
    );
    cell.wait(4);
    assert_eq!(cell.got(), []);
    cell.wait(1);
    assert_eq!(cell.got(), expect(&[(0, 0, ALL)]));
    assert_eq!(cell.allocator.next_filter_expiry(), None);
}

#[test]
fn a_filter_covers_less_but_not_more() {
    let mut cell = Cell::with_agents(&[ALL]);
    cell.framework(0, "t", "*");
    let offers = cell.allocate();
    cell.decline_part(&offers[0], &parse("cpus:2;mem:2048"), 3600);
    assert_eq!(cell.got(), [], "exactly what was refused");
    cell.give_back(&offers[0], &parse("cpus:1"));
    assert_eq!(
        cell.got(),
        expect(&[(0, 0, "cpus:3;mem:2048")]),
        "more than what was refused"
    );
}

#[test]
fn filters_for_different_times_stand_beside_each_other() {
    let mut cell = Cell::with_agents(&[ALL]);
    cell.framework(0, "t", "*");
    let offers = cell.allocate();
    cell.decline_part(&offers[0], &parse("cpus:1;mem:1024"), 3600);
    assert_eq!(cell.got(), []);
    cell.give_back(&offers[0], &parse("cpus:1;mem:1024"));
    let more = cell.allocate();
    cell.decline(&more[0], 5);
    assert_eq!(cell.got(), []);
    cell.wait(5);
    assert_eq!(cell.got(), expect(&[(0, 0, "cpus:2;mem:2048")]));
    cell.decline_part(&more[0], &parse("cpus:1;mem:1024"), 5);
    assert_eq!(cell.got(), [], "the longer filter still stands");
    cell.wait(5);
    assert_eq!(cell.got(), []);
    cell.wait(3590);
    assert_eq!(cell.got(), expect(&[(0, 0, "cpus:1;mem:1024")]));
}

#[test]
fn a_filter_concerns_one_framework_in_one_role_on_one_agent() {
    let mut cell = Cell::with_agents(&[ALL, ALL]);
    cell.framework(0, "t", "x");
    let offers = cell.allocate();
    cell.decline(&offers[0], 60);
    assert_eq!(cell.got(), []);
    cell.framework(1, "t", "x");
    assert_eq!(cell.got(), expect(&[(1, 0, ALL)]));
}

#[test]
fn revive_clears_filters() {
    let mut cell = Cell::with_agents(&[ALL]);
    cell.framework(0, "t", "*");
    let offers = cell.allocate();
    cell.decline(&offers[0], 60);
    cell.allocator.revive(FrameworkIdx(0), Some("*"));
    assert_eq!(cell.got(), expect(&[(0, 0, ALL)]));
    assert_eq!(cell.allocator.next_filter_expiry(), None);
}

#[test]
fn filters_end_when_the_agent_changes() {
    let mut cell = Cell::with_agents(&[ALL]);
    cell.framework(0, "t", "*");
    let offers = cell.allocate();
    cell.decline(&offers[0], 60);
    cell.allocator.update_agent(AgentKey(0), parse(ALL));
    assert_eq!(cell.got(), [], "it has not changed");
    cell.allocator.clear_agent_filters(AgentKey(0));
    let offers = cell.allocate();
    cell.decline(&offers[0], 60);
    cell.allocator
        .update_agent(AgentKey(0), parse("cpus:3;mem:4096"));
    assert_eq!(cell.got(), expect(&[(0, 0, "cpus:3;mem:4096")]));
}

#[test]
fn suppression_stops_offers_until_revived() {
    let mut cell = Cell::with_agents(&[ALL]);
    cell.framework(0, "t", "*");
    cell.allocator.suppress(FrameworkIdx(0), None);
    assert_eq!(cell.got(), []);
    assert_eq!(
        cell.why(0, "*"),
        ["no offers: the framework suppressed the role *"]
    );
    cell.allocator.revive(FrameworkIdx(0), None);
    assert_eq!(cell.got(), expect(&[(0, 0, ALL)]));
}

/// Where frameworks with small shares decline everything every five seconds, Mesos gives them each
/// freed resource first, and the one that has work gets almost nothing.
#[test]
fn those_that_want_nothing_do_not_starve_the_one_that_has_work() {
    let mut cell = Cell::with_agents(&["cpus:8;mem:8192"]);
    for number in 0..9 {
        cell.framework(number, "idle", "*");
    }
    cell.framework(9, "busy", "*");
    for _ in 0..20 {
        for offer in cell.allocate() {
            if offer.framework != FrameworkIdx(9) {
                cell.decline(&offer, 5);
            }
        }
    }
    assert_eq!(
        cell.held_by("busy"),
        parse("cpus:8;mem:8192"),
        "and no second has passed"
    );
}

#[test]
fn a_slice_that_was_too_small_is_followed_by_a_larger_one() {
    let mut cell = Cell::with_agents(&["cpus:8;mem:8192"]);
    for number in 0..8 {
        cell.framework(number, &format!("t{number}"), "*");
    }
    let mut offered = Vec::new();
    for _ in 0..20 {
        for offer in cell.allocate() {
            if offer.framework == FrameworkIdx(3) {
                offered.push(offer.resources.to_string());
            }
            cell.decline(&offer, 3600);
        }
    }
    let expected = [
        "cpus:1;mem:1024",
        "cpus:2;mem:2048",
        "cpus:4;mem:4096",
        "cpus:8;mem:8192",
    ];
    assert_eq!(offered, expected);
}
