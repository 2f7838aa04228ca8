//! Stories about frameworks that come, fail over, go away and are removed.

use insula_kernel::Rejection;
use insula_kernel::input::Call;
use insula_types::event::EventKind;
use insula_types::message::ToFramework;
use insula_types::{FrameworkKey, Reason, Span, TaskState};

use crate::harness::{Cell, TENANT, launch};

#[test]
fn the_newest_subscription_wins() {
    let mut cell = Cell::new();
    cell.agent("a1", "cpus:4;mem:4096");
    let first = cell.framework("f1");
    cell.allocate();
    cell.heard(&first);
    let second = cell.again(&first);
    assert_eq!(
        cell.heard(&first),
        [ToFramework::Error("Framework failed over".into())]
    );
    let greeting = cell.heard(&second);
    let subscribed = ToFramework::Subscribed {
        framework: "f1".into(),
    };
    assert_eq!(greeting, [subscribed], "SUBSCRIBED comes first");
    assert_eq!(
        cell.kernel.offers().count(),
        0,
        "offers of the old session are taken back"
    );
    let refused = cell.call(&first, Call::Suppress(vec![])).unwrap_err();
    assert!(matches!(refused, Rejection::WrongStream { .. }));
    cell.allocate();
    assert_eq!(cell.offers(&second).len(), 1);
}

#[test]
fn a_late_end_of_an_old_session_harms_nobody() {
    let mut cell = Cell::new();
    let first = cell.framework("f1");
    let second = cell.again(&first);
    cell.disconnect(&first);
    cell.call(&second, Call::Suppress(vec![])).unwrap();
}

#[test]
fn subscriptions_that_mesos_refuses_are_refused_in_its_words() {
    let mut cell = Cell::new();
    let info = cell.info(&["dev"]);
    let refused = cell
        .subscribe(TENANT, "f1", info.clone(), &["zz"])
        .unwrap_err();
    assert_eq!(
        refused.to_string(),
        "Suppressed role 'zz' is not contained in the list of roles"
    );
    cell.subscribe(TENANT, "f1", info.clone(), &["dev"])
        .unwrap();
    let mut changed = info.clone();
    changed.principal = "somebody".into();
    let refused = cell.subscribe(TENANT, "f1", changed, &[]).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "Changing framework's principal is not allowed."
    );
    let refused = cell.subscribe(TENANT, "insula", info, &[]).unwrap_err();
    assert!(refused.to_string().contains("reserved"), "{refused}");
}

#[test]
fn the_same_id_of_two_tenants_is_two_frameworks() {
    let mut cell = Cell::new();
    let ours = cell.framework("f1");
    let info = cell.info(&["*"]);
    cell.subscribe("other", "f1", info, &[]).unwrap();
    cell.call(&ours, Call::Revive(vec![])).unwrap();
    assert_eq!(cell.store.rows().frameworks.len(), 2);
}

#[test]
fn user_and_checkpointing_cannot_change() {
    let mut cell = Cell::new();
    let client = cell.framework("f1");
    let mut info = client.info.clone();
    info.user = "root".into();
    info.checkpoint = false;
    info.name = "renamed".into();
    cell.subscribe(TENANT, "f1", info, &[]).unwrap();
    let row = &cell.store.rows().frameworks[0];
    assert_eq!(
        (row.info.user.as_str(), row.info.checkpoint),
        ("nobody", true)
    );
    assert_eq!(row.info.name, "renamed");
}

#[test]
fn suppressed_roles_are_those_of_the_last_subscription() {
    let mut cell = Cell::new();
    cell.agent("a1", "cpus:4;mem:4096");
    let info = cell.info(&["dev", "ops"]);
    let first = cell
        .subscribe(TENANT, "f1", info.clone(), &["dev", "ops"])
        .unwrap();
    cell.allocate();
    assert_eq!(cell.offers(&first), []);
    let second = cell.subscribe(TENANT, "f1", info, &["ops"]).unwrap();
    cell.allocate();
    assert_eq!(cell.offers(&second)[0].role, "dev");
}

#[test]
fn a_framework_that_comes_back_in_time_keeps_its_tasks() {
    let mut cell = Cell::new();
    cell.agent("a1", "cpus:4;mem:4096");
    let client = cell.framework("f1");
    let id = cell.running(&client, "a1", "t1");
    cell.disconnect(&client);
    assert_eq!(cell.kernel.offers().count(), 0);
    assert_eq!(
        cell.call(&client, Call::Suppress(vec![])),
        Err(Rejection::FrameworkNotSubscribed)
    );
    cell.pass(Span::from_secs(3599));
    let client = cell.again(&client);
    cell.pass(Span::from_secs(3600));
    assert_eq!(cell.state(id), TaskState::Running);
    assert_eq!(cell.call(&client, Call::Suppress(vec![])), Ok(()));
}

#[test]
fn a_framework_that_stays_away_is_removed_with_its_tasks() {
    let mut cell = Cell::new();
    cell.agent("a1", "cpus:4;mem:4096");
    let client = cell.framework("f1");
    let id = cell.running(&client, "a1", "t1");
    cell.disconnect(&client);
    cell.pass(Span::from_secs(3601));
    assert_eq!(cell.state(id), TaskState::Killed);
    cell.obey("a1");
    assert_eq!(cell.machine("a1").killed, [id]);
    let info = client.info.clone();
    let refused = cell.subscribe(TENANT, "f1", info, &[]).unwrap_err();
    assert_eq!(refused.to_string(), "Framework has been removed");
}

#[test]
fn without_a_failover_timeout_a_disconnect_is_the_end() {
    let mut cell = Cell::new();
    let mut info = cell.info(&["*"]);
    info.failover_timeout = Span::ZERO;
    let client = cell.subscribe(TENANT, "f1", info, &[]).unwrap();
    cell.disconnect(&client);
    assert_eq!(
        cell.call(&client, Call::Suppress(vec![])),
        Err(Rejection::FrameworkUnknown)
    );
    let key = FrameworkKey {
        tenant: TENANT.into(),
        framework: "f1".into(),
    };
    assert!(
        cell.events
            .contains(&EventKind::FrameworkRemoved { framework: key })
    );
}

#[test]
fn a_teardown_kills_and_the_kernel_acknowledges_what_the_agents_still_say() {
    let mut cell = Cell::new();
    cell.agent("a1", "cpus:4;mem:4096");
    let client = cell.framework("f1");
    let id = cell.running(&client, "a1", "t1");
    cell.heard(&client);
    cell.call(&client, Call::Teardown).unwrap();
    assert_eq!(cell.heard(&client), [ToFramework::Close]);
    let row = cell.store.task(id);
    assert_eq!(row.status.state, TaskState::Killed);
    assert_eq!(row.status.reason, Some(Reason::FrameworkRemoved));
    assert!(!row.archived, "the agent still has it");

    cell.obey("a1");
    assert_eq!(cell.machine("a1").killed, [id]);
    cell.report("a1", id, TaskState::Failed);
    assert_eq!(
        cell.state(id),
        TaskState::Killed,
        "an ended task never changes"
    );
    cell.obey("a1");
    assert!(cell.store.task(id).archived);
    assert!(cell.machine("a1").held.is_empty());
}

#[test]
fn a_teardown_frees_resources_for_others_at_once() {
    let mut cell = Cell::new();
    cell.agent("a1", "cpus:1;mem:128");
    let first = cell.framework("f1");
    cell.running(&first, "a1", "t1");
    let second = cell.framework("f2");
    cell.allocate();
    assert_eq!(cell.offers(&second), []);
    cell.call(&first, Call::Teardown).unwrap();
    cell.allocate();
    assert_eq!(cell.offers(&second).len(), 1);
}

#[test]
fn a_torn_down_frameworks_unacknowledged_end_is_acknowledged() {
    let mut cell = Cell::new();
    cell.agent("a1", "cpus:4;mem:4096");
    let client = cell.framework("f1");
    let id = cell.running(&client, "a1", "t1");
    cell.report("a1", id, TaskState::Finished);
    cell.call(&client, Call::Teardown).unwrap();
    cell.obey("a1");
    let row = cell.store.task(id);
    assert_eq!(
        (row.status.state, row.archived),
        (TaskState::Finished, true)
    );
}

#[test]
fn a_new_session_gets_what_the_old_one_did_not_acknowledge() {
    let mut cell = Cell::new();
    cell.agent("a1", "cpus:4;mem:4096");
    let client = cell.framework("f1");
    let id = cell.running(&client, "a1", "t1");
    cell.disconnect(&client);
    let uuid = cell.report("a1", id, TaskState::Finished);
    let client = cell.again(&client);
    let status = cell.update(&client);
    assert_eq!(
        (status.state, status.uuid),
        (TaskState::Finished, Some(uuid))
    );
}

#[test]
fn a_task_runs_as_the_frameworks_user_unless_it_names_one() {
    let mut cell = Cell::new();
    cell.agent("a1", "cpus:4;mem:4096");
    let client = cell.framework("f1");
    cell.allocate();
    let offers = cell.offers(&client);
    let mut own = launch("t2", "a1", "cpus:1");
    own.user = "worker".into();
    cell.accept(&client, &offers, vec![launch("t1", "a1", "cpus:1"), own]);
    let users: Vec<String> = cell
        .store
        .rows()
        .tasks
        .into_iter()
        .map(|row| row.user)
        .collect();
    assert_eq!(users, ["nobody", "worker"]);
}
