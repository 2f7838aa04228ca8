//! Stories about agents out of reach: what is told, what returns, and whose fault many at once are.

use insula_types::message::ToFramework;
use insula_types::{Span, TaskState};

use crate::harness::{Cell, TENANT};

/// What an agent may be silent, and a little.
const SILENCE: Span = Span::from_secs(76);

#[test]
fn a_silent_agents_tasks_are_unreachable_and_return_with_it() {
    let mut cell = Cell::new();
    cell.agent("a1", "cpus:4;mem:4096");
    let client = cell.framework("f1");
    let id = cell.running(&client, "a1", "t1");
    cell.heard(&client);
    cell.cut("a1");
    cell.pass(Span::from_secs(60));
    assert_eq!(cell.state(id), TaskState::Running, "not for long enough");
    cell.pass(Span::from_secs(20));
    let heard = cell.heard(&client);
    let failure = ToFramework::Failure {
        agent: "a1".into(),
        executor: None,
        status: None,
    };
    assert!(heard.contains(&failure), "{heard:?}");
    let status = heard.iter().find_map(|message| match message {
        ToFramework::Update(status) => Some(status),
        _ => None,
    });
    let status = status.unwrap();
    assert_eq!((status.state, status.uuid), (TaskState::Unreachable, None));
    assert!(status.unreachable_since.is_some());
    cell.register("a1").unwrap();
    let status = cell.update(&client);
    assert_eq!((status.state, status.uuid), (TaskState::Running, None));
    assert_eq!(cell.state(id), TaskState::Running);
}

#[test]
fn a_framework_that_is_not_partition_aware_sees_lost_and_running_again() {
    let mut cell = Cell::new();
    cell.agent("a1", "cpus:4;mem:4096");
    let mut info = cell.info(&["*"]);
    info.capabilities.partition_aware = false;
    let client = cell.subscribe(TENANT, "f1", info, &[]).unwrap();
    let id = cell.running(&client, "a1", "t1");
    cell.cut("a1");
    cell.heard(&client);
    cell.pass(SILENCE);
    assert_eq!(cell.update(&client).state, TaskState::Lost);
    assert_eq!(
        cell.state(id),
        TaskState::Unreachable,
        "that is only its outward face"
    );
    cell.register("a1").unwrap();
    assert_eq!(cell.update(&client).state, TaskState::Running);
}

#[test]
fn a_connected_but_silent_agent_is_unreachable_too() {
    let mut cell = Cell::new();
    cell.agent("a1", "cpus:4;mem:4096");
    cell.machine("a1").session = None;
    cell.pass(SILENCE);
    let view = cell.kernel.agents_view().next().unwrap();
    assert!(!view.connected);
}

#[test]
fn what_an_agent_out_of_reach_had_can_be_lost_for_good() {
    let mut cell = Cell::new();
    cell.agent("a1", "cpus:4;mem:4096");
    let client = cell.framework("f1");
    let id = cell.launched(&client, "a1", "t1", "cpus:1;mem:64");
    cell.cut("a1");
    cell.pass(SILENCE);
    assert_eq!(cell.state(id), TaskState::Unreachable);
    cell.heard(&client);
    cell.register("a1").unwrap();
    cell.obey("a1");
    assert_eq!(
        cell.machine("a1").started,
        [],
        "its launch has become a no-op"
    );
    assert_eq!(cell.update(&client).state, TaskState::Dropped);
    assert!(cell.store.task(id).archived);
}

#[test]
fn a_launch_that_arrived_before_the_silence_returns() {
    let mut cell = Cell::new();
    cell.agent("a1", "cpus:4;mem:4096");
    let client = cell.framework("f1");
    let id = cell.launched(&client, "a1", "t1", "cpus:1;mem:64");
    // The machine applies the launch, and its connection ends before it can say so.
    let session = cell.machine("a1").session.clone();
    cell.machine("a1").session = None;
    cell.obey("a1");
    cell.machine("a1").session = session;
    cell.cut("a1");
    cell.pass(SILENCE);
    cell.heard(&client);
    cell.register("a1").unwrap();
    assert_eq!(cell.state(id), TaskState::Staging);
    assert_eq!(cell.update(&client).state, TaskState::Staging);
}

#[test]
fn an_end_during_the_silence_is_delivered_afterwards() {
    let mut cell = Cell::new();
    cell.agent("a1", "cpus:4;mem:4096");
    let client = cell.framework("f1");
    let id = cell.running(&client, "a1", "t1");
    cell.cut("a1");
    let uuid = cell.report("a1", id, TaskState::Finished);
    cell.pass(SILENCE);
    cell.heard(&client);
    cell.register("a1").unwrap();
    cell.resend("a1", id);
    let status = cell.update(&client);
    assert_eq!(
        (status.state, status.uuid),
        (TaskState::Finished, Some(uuid))
    );
}

#[test]
fn an_update_that_was_pending_before_the_silence_is_delivered_afterwards() {
    let mut cell = Cell::new();
    cell.agent("a1", "cpus:4;mem:4096");
    let client = cell.framework("f1");
    let id = cell.launched(&client, "a1", "t1", "cpus:1;mem:64");
    cell.obey("a1");
    let uuid = cell.report("a1", id, TaskState::Running);
    cell.cut("a1");
    cell.pass(SILENCE);
    cell.heard(&client);
    cell.register("a1").unwrap();
    cell.heard(&client);
    cell.resend("a1", id);
    assert_eq!(cell.update(&client).uuid, Some(uuid));
}

#[test]
fn a_kill_of_an_unreachable_task_is_kept_for_its_return() {
    let mut cell = Cell::new();
    cell.agent("a1", "cpus:4;mem:4096");
    let client = cell.framework("f1");
    let id = cell.running(&client, "a1", "t1");
    cell.cut("a1");
    cell.pass(SILENCE);
    cell.heard(&client);
    cell.kill(&client, "t1");
    assert_eq!(cell.update(&client).state, TaskState::Unreachable);
    cell.register("a1").unwrap();
    cell.obey("a1");
    assert_eq!(cell.machine("a1").killed, [id]);
}

#[test]
fn an_orphan_is_killed_when_its_agent_returns() {
    let mut cell = Cell::new();
    cell.agent("a1", "cpus:4;mem:4096");
    let client = cell.framework("f1");
    let id = cell.running(&client, "a1", "t1");
    cell.cut("a1");
    cell.pass(SILENCE);
    cell.call(&client, insula_kernel::input::Call::Teardown)
        .unwrap();
    assert_eq!(cell.state(id), TaskState::Killed);
    cell.register("a1").unwrap();
    cell.obey("a1");
    assert!(cell.machine("a1").killed.contains(&id));
    cell.report("a1", id, TaskState::Killed);
    cell.obey("a1");
    assert!(cell.store.task(id).archived);
}

#[test]
fn resources_of_an_unreachable_agent_leave_the_cell_and_return_with_it() {
    let mut cell = Cell::new();
    cell.agent("a1", "cpus:4;mem:4096");
    let client = cell.framework("f1");
    cell.running(&client, "a1", "t1");
    cell.cut("a1");
    cell.pass(SILENCE);
    assert!(cell.kernel.agents_view().next().unwrap().free.is_empty());
    cell.heard(&client);
    cell.register("a1").unwrap();
    cell.allocate();
    assert_eq!(
        cell.offers(&client)[0].resources.to_string(),
        "cpus:3;mem:3968"
    );
}

#[test]
fn many_silent_at_once_are_given_more_time_but_not_for_ever() {
    let mut cell = Cell::new();
    let ids: Vec<String> = (0..10).map(|n| format!("a{n}")).collect();
    for id in &ids {
        cell.agent(id, "cpus:1;mem:1024");
    }
    let client = cell.framework("f1");
    for id in &ids[..6] {
        cell.cut(id);
    }
    cell.pass(Span::from_secs(300));
    assert!(
        cell.events.iter().all(|event| !is_unreachable(event)),
        "the fault is rather ours"
    );
    cell.register("a0").unwrap();
    cell.register("a1").unwrap();
    cell.pass(Span::from_secs(100));
    let lost = cell
        .events
        .iter()
        .filter(|event| is_unreachable(event))
        .count();
    assert_eq!(lost, 4, "only those that stayed away");
    cell.heard(&client);
}

fn is_unreachable(event: &insula_types::event::EventKind) -> bool {
    matches!(
        event,
        insula_types::event::EventKind::AgentUnreachable { .. }
    )
}

#[test]
fn a_few_silent_ones_are_not_given_more_time() {
    let mut cell = Cell::new();
    for id in ["a1", "a2", "a3", "a4"] {
        cell.agent(id, "cpus:1;mem:1024");
        cell.cut(id);
    }
    cell.pass(SILENCE);
    let lost = cell
        .events
        .iter()
        .filter(|event| is_unreachable(event))
        .count();
    assert_eq!(lost, 4);
}
