//! Stories about an owner that dies: what is back, what gets time, and what goes on.

use insula_kernel::Input;
use insula_kernel::input::Call;
use insula_types::{Span, TaskState};

use crate::harness::{Cell, TENANT, resources};

#[test]
fn a_framework_gets_at_least_a_minute_to_come_back_after_a_restart() {
    let mut cell = Cell::new();
    cell.agent("a1", "cpus:4;mem:4096");
    let mut info = cell.info(&["*"]);
    info.failover_timeout = Span::ZERO;
    let client = cell.subscribe(TENANT, "f1", info, &[]).unwrap();
    let id = cell.running(&client, "a1", "t1");
    cell.restart();
    cell.register("a1").unwrap();
    cell.pass(Span::from_secs(59));
    assert_eq!(cell.state(id), TaskState::Running);
    let client = cell.again(&client);
    cell.pass(Span::from_secs(120));
    assert_eq!(cell.state(id), TaskState::Running);
    cell.restart();
    cell.register("a1").unwrap();
    cell.pass(Span::from_secs(61));
    assert_eq!(cell.state(id), TaskState::Killed, "it stayed away");
    drop(client);
}

#[test]
fn an_agents_time_to_be_silent_starts_anew_with_the_owner() {
    let mut cell = Cell::new();
    cell.agent("a1", "cpus:4;mem:4096");
    let client = cell.framework("f1");
    let id = cell.running(&client, "a1", "t1");
    cell.cut("a1");
    cell.pass(Span::from_secs(70));
    cell.restart();
    cell.pass(Span::from_secs(70));
    assert_eq!(cell.state(id), TaskState::Running);
    cell.pass(Span::from_secs(10));
    assert_eq!(cell.state(id), TaskState::Unreachable);
}

#[test]
fn what_tasks_use_is_not_offered_after_a_restart() {
    let mut cell = Cell::new();
    cell.agent("a1", "cpus:4;mem:4096");
    let client = cell.framework("f1");
    cell.running(&client, "a1", "t1");
    cell.restart();
    let client = cell.again(&client);
    cell.allocate();
    assert_eq!(
        cell.offers(&client),
        [],
        "nothing is offered of an agent that is not back"
    );
    cell.register("a1").unwrap();
    cell.allocate();
    assert_eq!(
        cell.offers(&client)[0].resources,
        resources("cpus:3;mem:3968")
    );
}

#[test]
fn an_update_that_nobody_acknowledged_is_delivered_by_the_next_owner() {
    let mut cell = Cell::new();
    cell.agent("a1", "cpus:4;mem:4096");
    let client = cell.framework("f1");
    let id = cell.running(&client, "a1", "t1");
    let uuid = cell.report("a1", id, TaskState::Finished);
    cell.restart();
    let client = cell.again(&client);
    assert_eq!(cell.update(&client).uuid, Some(uuid));
}

#[test]
fn an_acknowledged_update_is_not_delivered_by_the_next_owner_once_its_agent_is_back() {
    let mut cell = Cell::new();
    cell.agent("a1", "cpus:4;mem:4096");
    let client = cell.framework("f1");
    cell.running(&client, "a1", "t1");
    cell.restart();
    cell.register("a1").unwrap();
    let client = cell.again(&client);
    assert_eq!(cell.updates(&client), []);
}

#[test]
fn a_teardown_that_was_not_finished_goes_on() {
    let mut cell = Cell::with(insula_kernel::Config {
        slice: 1,
        ..Default::default()
    });
    cell.agent("a1", "cpus:4;mem:4096");
    let client = cell.framework("f1");
    let first = cell.running(&client, "a1", "t1");
    cell.pass(Span::from_secs(1));
    let second = cell.running(&client, "a1", "t2");
    cell.call(&client, Call::Teardown).unwrap();
    assert_eq!(cell.state(first), TaskState::Killed);
    assert_eq!(cell.state(second), TaskState::Running, "a slice at a time");
    cell.restart();
    cell.settle();
    assert_eq!(cell.state(second), TaskState::Killed);
    cell.register("a1").unwrap();
    cell.settle();
    cell.obey("a1");
    assert_eq!(cell.machine("a1").killed, [first, second]);
}

#[test]
fn time_never_starts_below_what_was_persisted() {
    let mut cell = Cell::new();
    cell.pass(Span::from_secs(100));
    cell.framework("f1");
    let persisted = cell.store.rows().cell.time;
    cell.now = cell.now - Span::from_secs(50);
    cell.restart();
    assert_eq!(cell.kernel.now(), persisted);
    cell.step(Input::Timer).unwrap();
    assert_eq!(cell.kernel.now(), persisted, "nor runs backwards");
}

#[test]
fn role_settings_survive_the_owner() {
    let mut cell = Cell::new();
    let request = cell.request();
    let limit = [("cpus".to_owned(), 1_000)].into();
    let role = TENANT.to_owned();
    cell.step(Input::SetRole {
        request,
        role,
        weight: 1_000,
        limit,
    })
    .unwrap();
    cell.restart();
    cell.agent("a1", "cpus:4;mem:4096");
    let client = cell.framework("f1");
    cell.allocate();
    let offers = cell.offers(&client);
    let offered: u64 = offers
        .iter()
        .map(|offer| offer.resources.scalar("cpus"))
        .sum();
    assert_eq!(offered, 1_000, "the limit holds");
}
