//! Stories about outages of ours: nobody is blamed for a silence or an absence that we caused.

use insula_kernel::input::{Cause, Excused};
use insula_kernel::{Config, Input, Rejection};
use insula_types::event::EventKind;
use insula_types::record::FrameworkState;
use insula_types::{Span, TaskState, Time};

use crate::harness::{Cell, Client, TENANT};

fn excuse(cell: &mut Cell, excused: Excused) {
    cell.step(Input::Excused(excused)).unwrap();
}

/// A framework with the given failover timeout, and a task of it that runs.
fn running(cell: &mut Cell, failover_timeout: Span) -> (Client, insula_types::LaunchId) {
    cell.agent("a1", "cpus:4;mem:4096");
    let mut info = cell.info(&["*"]);
    info.failover_timeout = failover_timeout;
    let client = cell.subscribe(TENANT, "f1", info, &[]).unwrap();
    let launch = cell.running(&client, "a1", "t1");
    (client, launch)
}

fn deadline(cell: &Cell) -> Option<Time> {
    cell.kernel.frameworks_view().next().unwrap().deadline
}

fn lost(cell: &Cell) -> usize {
    let is_loss = |event: &&EventKind| matches!(event, EventKind::AgentUnreachable { .. });
    cell.events.iter().filter(is_loss).count()
}

#[test]
fn a_framework_whose_gateway_vanished_has_a_minute_even_without_a_failover_timeout() {
    let mut cell = Cell::new();
    let (client, launch) = running(&mut cell, Span::ZERO);
    cell.part(&client, Cause::ByUs);
    assert_eq!(
        cell.store.rows().frameworks[0].state,
        FrameworkState::Subscribed,
        "our outage is no row of its own"
    );
    cell.pass(Span::from_secs(59));
    assert_eq!(cell.state(launch), TaskState::Running);
    cell.pass(Span::from_secs(2));
    assert_eq!(cell.state(launch), TaskState::Killed, "it stayed away");
}

#[test]
fn a_framework_that_closed_its_connection_has_its_own_time_and_no_more() {
    let mut cell = Cell::new();
    let (client, launch) = running(&mut cell, Span::from_secs(10));
    cell.disconnect(&client);
    cell.pass(Span::from_secs(9));
    assert_eq!(cell.state(launch), TaskState::Running);
    cell.pass(Span::from_secs(2));
    assert_eq!(cell.state(launch), TaskState::Killed);
}

#[test]
fn a_longer_failover_timeout_counts_from_the_end_of_the_outage() {
    let hour = Span::from_secs(3600);
    let mut cell = Cell::new();
    let (client, _) = running(&mut cell, hour);
    cell.part(&client, Cause::ByUs);
    assert_eq!(deadline(&cell), Some(cell.now + hour));
    cell.pass(Span::from_secs(100));
    excuse(&mut cell, Excused::Everyone);
    assert_eq!(deadline(&cell), Some(cell.now + hour));
    cell.pass(Span::from_secs(100));
    cell.restart();
    assert_eq!(deadline(&cell), Some(cell.now + hour), "a load excuses too");
}

#[test]
fn the_time_of_a_framework_that_left_by_itself_does_not_end_within_an_outage() {
    let mut cell = Cell::new();
    let (client, launch) = running(&mut cell, Span::from_secs(100));
    cell.disconnect(&client);
    let its_own = cell.now + Span::from_secs(100);
    excuse(&mut cell, Excused::Everyone);
    assert_eq!(deadline(&cell), Some(its_own), "its own time is enough");
    cell.pass(Span::from_secs(90));
    excuse(&mut cell, Excused::Everyone);
    assert_eq!(deadline(&cell), Some(cell.now + Span::from_secs(60)));
    cell.pass(Span::from_secs(10));
    cell.restart();
    assert_eq!(deadline(&cell), Some(cell.now + Span::from_secs(60)));
    cell.register("a1").unwrap();
    cell.pass(Span::from_secs(61));
    assert_eq!(cell.state(launch), TaskState::Killed);
}

#[test]
fn nobody_is_unreachable_while_the_outage_is_ours() {
    let mut cell = Cell::new();
    let (_, launch) = running(&mut cell, Span::from_secs(3600));
    cell.lose_path("a1");
    cell.machine("a1").session = None;
    for _ in 0..10 {
        cell.pass(Span::from_secs(30));
        excuse(&mut cell, Excused::Everyone);
    }
    cell.pass(Span::from_secs(74));
    assert_eq!(cell.state(launch), TaskState::Running);
    cell.pass(Span::from_secs(2));
    assert_eq!(cell.state(launch), TaskState::Unreachable);
}

#[test]
fn only_the_agents_of_the_broken_gateway_are_excused() {
    let mut cell = Cell::new();
    for id in ["a1", "a2"] {
        cell.agent(id, "cpus:4;mem:4096");
        cell.machine(id).session = None;
    }
    cell.pass(Span::from_secs(70));
    excuse(
        &mut cell,
        Excused::Agents(vec!["a2".into(), "stranger".into()]),
    );
    cell.pass(Span::from_secs(10));
    assert_eq!(lost(&cell), 1, "a1 alone");
    cell.pass(Span::from_secs(64));
    assert_eq!(lost(&cell), 1);
    cell.pass(Span::from_secs(2));
    assert_eq!(lost(&cell), 2);
}

#[test]
fn an_agent_whose_path_broke_registers_again_in_the_session_that_it_has() {
    let mut cell = Cell::new();
    let (client, launch) = running(&mut cell, Span::from_secs(3600));
    cell.lose_path("a1");
    cell.kill(&client, "t1");
    cell.register_again("a1").unwrap();
    cell.obey("a1");
    assert_eq!(cell.machine("a1").killed, [launch], "what was lost is sent");
}

#[test]
fn a_session_that_the_agent_ended_is_not_opened_again() {
    let mut cell = Cell::new();
    cell.agent("a1", "cpus:4;mem:4096");
    let session = cell.machine("a1").session.clone();
    cell.cut("a1");
    cell.machine("a1").session.clone_from(&session);
    let refused = cell.register_again("a1").unwrap_err();
    assert!(matches!(refused, Rejection::AgentSession { .. }));
    cell.machine("a1").session = None;
    cell.pass(Span::from_secs(76));
    cell.machine("a1").session = session;
    let refused = cell.register_again("a1").unwrap_err();
    assert!(matches!(refused, Rejection::AgentSession { .. }));
}

#[test]
fn a_broken_path_does_not_open_a_session_that_was_given_up() {
    let mut cell = Cell::new();
    cell.agent("a1", "cpus:4;mem:4096");
    let session = cell.machine("a1").session.clone();
    cell.lose_path("a1");
    cell.machine("a1").session = None;
    cell.pass(Span::from_secs(76));
    assert_eq!(lost(&cell), 1);
    cell.machine("a1").session = session;
    let refused = cell.register_again("a1").unwrap_err();
    assert!(matches!(refused, Rejection::AgentSession { .. }));
}

#[test]
fn agents_are_given_up_at_a_bounded_pace() {
    let mut cell = Cell::with(Config {
        unreachable_per_second: 3,
        ..Config::default()
    });
    let ids: Vec<String> = (0..10).map(|n| format!("a{n}")).collect();
    for id in &ids {
        cell.agent(id, "cpus:1;mem:1024");
        cell.machine(id).session = None;
    }
    let first = cell.now + Span::from_secs(75 + 300);
    while cell.now < first {
        cell.pass(first.since(cell.now).min(Span::from_secs(60)));
    }
    let mut seen = vec![lost(&cell)];
    for _ in 0..4 {
        cell.pass(Span::from_secs(1));
        seen.push(lost(&cell));
    }
    assert_eq!(seen, [3, 6, 9, 10, 10]);
}

#[test]
fn a_fault_that_spreads_over_seconds_is_seen_as_one() {
    let mut cell = Cell::new();
    let ids: Vec<String> = (0..30).map(|n| format!("b{n:02}")).collect();
    for id in &ids {
        cell.agent(id, "cpus:1;mem:1024");
    }
    for id in &ids[..5] {
        cell.machine(id).session = None;
    }
    cell.pass(Span::from_secs(40));
    for id in &ids[5..8] {
        cell.machine(id).session = None;
    }
    cell.pass(Span::from_secs(40));
    assert_eq!(lost(&cell), 5, "a sixth of them, which may happen");
    cell.pass(Span::from_secs(60));
    assert_eq!(lost(&cell), 5, "now they are a fourth");
    cell.pass(Span::from_secs(300));
    assert_eq!(lost(&cell), 8);
}
