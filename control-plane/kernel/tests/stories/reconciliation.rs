//! Stories about RECONCILE: what is told, and when nothing is.

use insula_kernel::input::Call;
use insula_types::{Reason, Source, Span, TaskState};

use crate::harness::{Cell, Client, TENANT};

impl Cell {
    fn ask(&mut self, client: &Client, task: &str, agent: Option<&str>) -> Option<TaskState> {
        let named = (task.into(), agent.map(Into::into));
        self.call(client, Call::Reconcile(vec![named])).unwrap();
        let mut updates = self.updates(client);
        assert!(updates.len() <= 1);
        let status = updates.pop()?;
        assert_eq!(status.uuid, None);
        assert_eq!(status.source, Source::Master);
        assert_eq!(status.reason, Some(Reason::Reconciliation));
        Some(status.state)
    }

    fn ask_all(&mut self, client: &Client) -> Vec<(String, TaskState)> {
        self.call(client, Call::Reconcile(vec![])).unwrap();
        let updates = self.updates(client).into_iter();
        updates
            .map(|status| (status.task.to_string(), status.state))
            .collect()
    }
}

#[test]
fn a_known_task_is_answered_with_its_latest_state() {
    let mut cell = Cell::new();
    cell.agent("a1", "cpus:4;mem:4096");
    let client = cell.framework("f1");
    cell.running(&client, "a1", "t1");
    cell.heard(&client);
    assert_eq!(cell.ask(&client, "t1", None), Some(TaskState::Running));
    assert_eq!(
        cell.ask(&client, "t1", Some("elsewhere")),
        Some(TaskState::Running)
    );
}

#[test]
fn an_unknown_task_is_gone_unknown_or_lost() {
    let mut cell = Cell::new();
    cell.agent("a1", "cpus:4;mem:4096");
    let client = cell.framework("f1");
    cell.heard(&client);
    assert_eq!(cell.ask(&client, "t1", Some("a1")), Some(TaskState::Gone));
    assert_eq!(
        cell.ask(&client, "t1", Some("a9")),
        Some(TaskState::Unknown)
    );
    assert_eq!(cell.ask(&client, "t1", None), Some(TaskState::Unknown));
    let mut info = cell.info(&["*"]);
    info.capabilities.partition_aware = false;
    let plain = cell.subscribe(TENANT, "plain", info, &[]).unwrap();
    cell.heard(&plain);
    assert_eq!(cell.ask(&plain, "t1", Some("a1")), Some(TaskState::Lost));
    assert_eq!(cell.ask(&plain, "t1", None), Some(TaskState::Lost));
}

#[test]
fn nothing_is_said_of_an_agent_that_has_not_registered_again() {
    let mut cell = Cell::new();
    cell.agent("a1", "cpus:4;mem:4096");
    let client = cell.framework("f1");
    cell.running(&client, "a1", "t1");
    cell.restart();
    let client = cell.again(&client);
    cell.heard(&client);
    assert_eq!(cell.ask(&client, "t1", None), None);
    assert_eq!(cell.ask(&client, "other", Some("a1")), None);
    assert_eq!(
        cell.ask(&client, "other", None),
        None,
        "that agent might hold it"
    );
    assert_eq!(
        cell.ask(&client, "other", Some("a9")),
        Some(TaskState::Unknown)
    );
    assert_eq!(cell.ask_all(&client), []);
    cell.register("a1").unwrap();
    cell.heard(&client);
    assert_eq!(cell.ask(&client, "t1", None), Some(TaskState::Running));
    assert_eq!(cell.ask_all(&client), [("t1".into(), TaskState::Running)]);
}

#[test]
fn everything_includes_unacknowledged_ends_and_excludes_the_unreachable() {
    let mut cell = Cell::new();
    cell.agent("a1", "cpus:4;mem:4096");
    cell.agent("a2", "cpus:4;mem:4096");
    let client = cell.framework("f1");
    let ended = cell.running(&client, "a1", "ended");
    cell.running(&client, "a2", "away");
    cell.report("a1", ended, TaskState::Finished);
    cell.cut("a2");
    cell.pass(Span::from_secs(80));
    let status = cell
        .updates(&client)
        .into_iter()
        .find(|status| status.uuid.is_some())
        .unwrap();
    assert_eq!(
        cell.ask_all(&client),
        [("ended".into(), TaskState::Finished)]
    );
    cell.acknowledge(&client, &status);
    cell.heard(&client);
    assert_eq!(cell.ask_all(&client), []);
    assert_eq!(
        cell.ask(&client, "away", None),
        Some(TaskState::Unreachable)
    );
}

#[test]
fn when_an_agent_went_out_of_reach_survives_the_owner() {
    let mut cell = Cell::new();
    cell.agent("a1", "cpus:4;mem:4096");
    let client = cell.framework("f1");
    let id = cell.running(&client, "a1", "t1");
    cell.cut("a1");
    cell.pass(Span::from_secs(80));
    let since = cell.store.task(id).status.unreachable_since;
    assert!(since.is_some());
    cell.restart();
    let client = cell.again(&client);
    cell.heard(&client);
    cell.call(&client, Call::Reconcile(vec![("t1".into(), None)]))
        .unwrap();
    let status = cell.update(&client);
    assert_eq!(
        (status.state, status.unreachable_since),
        (TaskState::Unreachable, since)
    );
    cell.call(
        &client,
        Call::Reconcile(vec![("t9".into(), Some("a1".into()))]),
    )
    .unwrap();
    let status = cell.update(&client);
    assert_eq!(
        (status.state, status.unreachable_since),
        (TaskState::Unreachable, since)
    );
}

#[test]
fn killing_an_unknown_task_asks_for_its_state() {
    let mut cell = Cell::new();
    cell.agent("a1", "cpus:4;mem:4096");
    let client = cell.framework("f1");
    cell.heard(&client);
    cell.kill(&client, "nobody");
    let status = cell.update(&client);
    assert_eq!(status.state, TaskState::Unknown);
    assert_eq!(status.message, "Reconciliation: Task is unknown");
}

#[test]
fn a_kill_that_names_another_agent_is_dropped() {
    let mut cell = Cell::new();
    cell.agent("a1", "cpus:4;mem:4096");
    let client = cell.framework("f1");
    let id = cell.running(&client, "a1", "t1");
    cell.heard(&client);
    let call = Call::Kill {
        task: "t1".into(),
        agent: Some("a2".into()),
        grace: None,
    };
    cell.call(&client, call).unwrap();
    cell.obey("a1");
    assert_eq!(cell.machine("a1").killed, []);
    assert_eq!(cell.updates(&client), []);
    assert_eq!(cell.store.task(id).kill_seq, None);
}
