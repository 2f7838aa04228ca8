//! Stories about registrations by digest (rule R25): what is agreed on is not said again.

use insula_kernel::input::Call;
use insula_types::{Span, TaskState};

use crate::harness::{Cell, launch};

#[test]
fn a_takeover_moves_no_task_lists() {
    let mut cell = Cell::new();
    cell.agent("a1", "cpus:4;mem:4096");
    let client = cell.framework("f1");
    for task in ["t1", "t2", "t3"] {
        cell.running(&client, "a1", task);
        cell.pass(Span::from_secs(1));
    }
    cell.restart();
    let client = cell.again(&client);
    cell.call(&client, Call::Reconcile(vec![])).unwrap();
    assert!(
        cell.updates(&client)
            .iter()
            .all(|status| status.uuid.is_some()),
        "nothing is said about an agent that is not back"
    );
    cell.register("a1").unwrap();
    assert_eq!(cell.machine("a1").reported_all, 0);
    cell.call(&client, Call::Reconcile(vec![])).unwrap();
    let states: Vec<TaskState> = cell
        .updates(&client)
        .iter()
        .map(|each| each.state)
        .collect();
    assert_eq!(states, [TaskState::Running; 3]);
    cell.allocate();
    assert_eq!(cell.offers(&client).len(), 1);
}

#[test]
fn an_update_that_was_acknowledged_stays_so_by_digest() {
    let mut cell = Cell::new();
    cell.agent("a1", "cpus:4;mem:4096");
    let client = cell.framework("f1");
    cell.running(&client, "a1", "t1");
    cell.restart();
    cell.register("a1").unwrap();
    assert_eq!(cell.machine("a1").reported_all, 0);
    let client = cell.again(&client);
    assert_eq!(cell.updates(&client), []);
}

#[test]
fn an_update_that_waits_is_listed_beside_the_digest() {
    let mut cell = Cell::new();
    cell.agent("a1", "cpus:4;mem:4096");
    let client = cell.framework("f1");
    cell.running(&client, "a1", "t1");
    cell.pass(Span::from_secs(1));
    let ended = cell.running(&client, "a1", "t2");
    let uuid = cell.report("a1", ended, TaskState::Finished);
    cell.restart();
    cell.register("a1").unwrap();
    assert_eq!(cell.machine("a1").reported_all, 0);
    let client = cell.again(&client);
    assert_eq!(cell.update(&client).uuid, Some(uuid));
}

#[test]
fn a_launch_that_the_agent_has_not_applied_is_not_in_the_digest() {
    let mut cell = Cell::new();
    cell.agent("a1", "cpus:4;mem:4096");
    let client = cell.framework("f1");
    let id = cell.launched(&client, "a1", "t1", "cpus:1;mem:64");
    cell.cut("a1");
    cell.register("a1").unwrap();
    assert_eq!(cell.machine("a1").reported_all, 0);
    cell.obey("a1");
    assert_eq!(cell.machine("a1").started, [id]);
    cell.cut("a1");
    cell.register("a1").unwrap();
    assert_eq!(
        cell.machine("a1").reported_all,
        0,
        "no update yet, on both sides"
    );
}

#[test]
fn an_agent_that_holds_something_else_is_asked_for_everything() {
    let mut cell = Cell::new();
    cell.agent("a1", "cpus:4;mem:4096");
    let client = cell.framework("f1");
    let id = cell.running(&client, "a1", "t1");
    cell.machine("a1").held.clear();
    cell.register("a1").unwrap();
    assert_eq!(cell.machine("a1").reported_all, 1);
    assert_eq!(cell.state(id), TaskState::Gone);
}

#[test]
fn nothing_is_open_until_the_list_has_come() {
    let mut cell = Cell::new();
    cell.agent("a1", "cpus:4;mem:4096");
    let client = cell.framework("f1");
    let id = cell.running(&client, "a1", "t1");
    cell.restart();
    cell.machine("a1").held.clear();
    cell.pass(Span::from_secs(70));
    let (session, now) = (cell.new_session(), cell.now);
    cell.say_registration("a1", session, now, false).unwrap();
    let view = cell.kernel.agents_view().next().unwrap();
    assert!(!view.connected);
    let client = cell.again(&client);
    cell.allocate();
    assert_eq!(cell.offers(&client), []);
    cell.pass(Span::from_secs(70));
    assert_eq!(cell.state(id), TaskState::Running, "but it was heard");
    cell.pass(Span::from_secs(10));
    assert_eq!(cell.state(id), TaskState::Unreachable);
}

#[test]
fn a_task_whose_framework_is_gone_is_no_part_of_what_is_agreed() {
    let mut cell = Cell::new();
    cell.agent("a1", "cpus:4;mem:4096");
    let client = cell.framework("f1");
    let id = cell.running(&client, "a1", "t1");
    cell.cut("a1");
    cell.call(&client, Call::Teardown).unwrap();
    cell.register("a1").unwrap();
    assert_eq!(cell.machine("a1").reported_all, 1);
    cell.obey("a1");
    assert!(cell.machine("a1").killed.contains(&id));
}

#[test]
fn a_task_that_was_out_of_reach_is_listed_once_and_agreed_on_afterwards() {
    let mut cell = Cell::new();
    cell.agent("a1", "cpus:4;mem:4096");
    let client = cell.framework("f1");
    let id = cell.running(&client, "a1", "t1");
    cell.cut("a1");
    cell.pass(Span::from_secs(76));
    cell.register("a1").unwrap();
    assert_eq!(cell.state(id), TaskState::Running);
    assert_eq!(cell.machine("a1").reported_all, 1);
    cell.restart();
    cell.register("a1").unwrap();
    assert_eq!(cell.machine("a1").reported_all, 1);
}

#[test]
fn a_task_that_never_said_anything_returns_from_out_of_reach() {
    let mut cell = Cell::new();
    cell.agent("a1", "cpus:4;mem:4096");
    let client = cell.framework("f1");
    let id = cell.launched(&client, "a1", "t1", "cpus:1;mem:64");
    cell.obey("a1");
    cell.cut("a1");
    cell.pass(Span::from_secs(76));
    assert_eq!(cell.state(id), TaskState::Unreachable);
    cell.register("a1").unwrap();
    assert_eq!(cell.state(id), TaskState::Staging);
}

#[test]
fn a_former_agent_lists_its_tasks_unasked() {
    let mut cell = Cell::new();
    cell.unregistered("a1", "cpus:4;mem:4096");
    cell.machine("a1").protocol = 0;
    cell.register("a1").unwrap();
    let client = cell.framework("f1");
    let id = cell.running(&client, "a1", "t1");
    cell.restart();
    cell.register("a1").unwrap();
    assert_eq!(cell.machine("a1").reported_all, 0);
    let client = cell.again(&client);
    assert_eq!(cell.updates(&client), []);
    cell.allocate();
    let offers = cell.offers(&client);
    cell.accept(&client, &offers, vec![launch("t2", "a1", "cpus:1;mem:64")]);
    assert_eq!(cell.state(id), TaskState::Running);
}
