//! Stories about status updates: delivered until acknowledged, applied once, never after the end.

use insula_types::TaskState;
use insula_types::framework::Capabilities;
use insula_types::message::{CommandBody, ToAgent};

use crate::harness::{Cell, TENANT, is_acknowledge};

#[test]
fn an_update_is_forwarded_until_it_is_acknowledged_and_applied_once() {
    let mut cell = Cell::new();
    cell.agent("a1", "cpus:4;mem:4096");
    let client = cell.framework("f1");
    let id = cell.launched(&client, "a1", "t1", "cpus:1;mem:64");
    cell.obey("a1");
    cell.report("a1", id, TaskState::Running);
    let first = cell.update(&client);
    let events = cell.events.len();
    cell.resend("a1", id);
    assert_eq!(
        cell.update(&client),
        first,
        "nobody acknowledged: forwarded again"
    );
    assert_eq!(cell.events.len(), events, "and not news");
    cell.acknowledge(&client, &first);
    cell.machine("a1").received.clear();
    cell.resend("a1", id);
    assert_eq!(cell.updates(&client), []);
    let received = &cell.machine("a1").received;
    assert!(
        received.iter().all(is_acknowledge) && received.len() == 1,
        "acknowledged again"
    );
}

#[test]
fn an_acknowledgement_of_another_update_is_ignored() {
    let mut cell = Cell::new();
    cell.agent("a1", "cpus:4;mem:4096");
    let client = cell.framework("f1");
    let id = cell.launched(&client, "a1", "t1", "cpus:1;mem:64");
    cell.obey("a1");
    cell.report("a1", id, TaskState::Finished);
    let mut status = cell.update(&client);
    let right = status.uuid;
    status.uuid = Some(cell.new_uuid());
    cell.acknowledge(&client, &status);
    cell.obey("a1");
    assert!(!cell.store.task(id).archived);
    status.uuid = right;
    cell.acknowledge(&client, &status);
    cell.obey("a1");
    assert!(cell.store.task(id).archived);
}

#[test]
fn the_end_of_a_task_is_acknowledged_by_a_numbered_command() {
    let mut cell = Cell::new();
    cell.agent("a1", "cpus:4;mem:4096");
    let client = cell.framework("f1");
    let id = cell.running(&client, "a1", "t1");
    let uuid = cell.report("a1", id, TaskState::Failed);
    let status = cell.update(&client);
    cell.acknowledge(&client, &status);
    let command = cell.machine("a1").received.last().cloned();
    let Some(ToAgent::Command(command)) = command else {
        panic!("{command:?}")
    };
    assert_eq!(
        command.body,
        CommandBody::AcknowledgeTerminal { launch: id, uuid }
    );
    assert_eq!(cell.store.task(id).ack, Some((command.seq, uuid)));
    // A task id may return as soon as its framework knows of the end.
    cell.launched(&client, "a1", "t1", "cpus:1;mem:64");
}

#[test]
fn a_state_that_cannot_follow_is_acknowledged_and_changes_nothing() {
    let mut cell = Cell::new();
    cell.agent("a1", "cpus:4;mem:4096");
    let client = cell.framework("f1");
    let id = cell.running(&client, "a1", "t1");
    cell.report("a1", id, TaskState::Starting);
    assert_eq!(cell.updates(&client), []);
    assert_eq!(cell.state(id), TaskState::Running);
    cell.obey("a1");
    assert_eq!(
        cell.machine("a1").held[&id].pending,
        None,
        "the agent's stream goes on"
    );
}

#[test]
fn killing_is_shown_only_to_those_who_know_it() {
    let mut cell = Cell::new();
    cell.agent("a1", "cpus:4;mem:4096");
    let plain = cell.framework("plain");
    let id = cell.running(&plain, "a1", "t1");
    cell.report("a1", id, TaskState::Killing);
    assert_eq!(cell.updates(&plain), []);
    cell.obey("a1");
    assert_eq!(
        cell.machine("a1").held[&id].pending,
        None,
        "acknowledged by the kernel"
    );
    cell.report("a1", id, TaskState::Killed);
    assert_eq!(cell.update(&plain).state, TaskState::Killed);

    let mut info = cell.info(&["*"]);
    info.capabilities = Capabilities {
        task_killing_state: true,
        ..info.capabilities
    };
    let knowing = cell.subscribe(TENANT, "knowing", info, &[]).unwrap();
    let id = cell.running(&knowing, "a1", "t2");
    cell.report("a1", id, TaskState::Killing);
    assert_eq!(cell.update(&knowing).state, TaskState::Killing);
}

#[test]
fn resources_are_free_before_the_end_is_acknowledged() {
    let mut cell = Cell::new();
    cell.agent("a1", "cpus:1;mem:128");
    let client = cell.framework("f1");
    let id = cell.running(&client, "a1", "t1");
    cell.report("a1", id, TaskState::Finished);
    cell.heard(&client);
    cell.allocate();
    assert_eq!(cell.offers(&client).len(), 1);
    assert!(!cell.store.task(id).archived);
}

#[test]
fn of_whom_an_update_speaks_is_not_believed_from_its_fields() {
    let mut cell = Cell::new();
    cell.agent("a1", "cpus:4;mem:4096");
    let client = cell.framework("f1");
    let id = cell.launched(&client, "a1", "t1", "cpus:1;mem:64");
    cell.obey("a1");
    cell.machine("a1").held.get_mut(&id).unwrap().task = "forged".into();
    cell.report("a1", id, TaskState::Running);
    let status = cell.update(&client);
    assert_eq!(status.task.as_str(), "t1");
    assert_eq!(status.agent, Some("a1".into()));
}
