//! Stories about what people submit to their tenant's built-in framework.

use insula_kernel::{Config, Rejection};
use insula_types::event::EventKind;
use insula_types::{LaunchId, Span, TaskId, TaskKind, TaskState, Time};

use crate::harness::{Cell, resources, wanted};

impl Cell {
    fn launch_of_request(&self, task: &str) -> Option<LaunchId> {
        let rows = self.store.rows().requests;
        rows.iter()
            .find(|row| row.request.task == TaskId::from(task))?
            .launch
    }
}

#[test]
fn a_request_is_launched_in_the_step_that_allocates_and_acknowledged_without_anybody() {
    let mut cell = Cell::new();
    cell.agent("a1", "cpus:4;mem:4096");
    cell.submit(vec![wanted("t1", "cpus:1;mem:64")]).unwrap();
    cell.allocate();
    let id = cell.launch_of_request("t1").unwrap();
    cell.obey("a1");
    assert_eq!(cell.machine("a1").started, [id]);
    assert_eq!(
        cell.kernel.offers().count(),
        0,
        "no offer is outstanding for it"
    );
    cell.report("a1", id, TaskState::Running);
    cell.report("a1", id, TaskState::Finished);
    cell.obey("a1");
    assert!(cell.store.task(id).archived);
    assert_eq!(cell.store.rows().requests, []);
}

#[test]
fn all_of_a_submission_is_taken_or_none() {
    let mut cell = Cell::with(Config {
        requests_max: 3,
        ..Config::default()
    });
    let two = vec![wanted("t1", "cpus:1"), wanted("t1", "cpus:1")];
    assert_eq!(cell.submit(two), Err(Rejection::TaskExists("t1".into())));
    cell.submit(vec![wanted("t1", "cpus:1")]).unwrap();
    let again = vec![wanted("t2", "cpus:1"), wanted("t1", "cpus:1")];
    assert_eq!(cell.submit(again), Err(Rejection::TaskExists("t1".into())));
    let many = (2..5).map(|n| wanted(&format!("t{n}"), "cpus:1")).collect();
    assert!(matches!(
        cell.submit(many),
        Err(Rejection::TooMany { limit: 3, .. })
    ));
    assert_eq!(cell.store.rows().requests.len(), 1);
}

#[test]
fn requests_start_in_the_order_in_which_they_came_as_far_as_they_fit() {
    let mut cell = Cell::new();
    cell.agent("a1", "cpus:2;mem:4096");
    cell.submit(vec![wanted("z-large", "cpus:3;mem:64")])
        .unwrap();
    cell.now = cell.now + Span(1);
    cell.submit(vec![wanted("y-first", "cpus:1;mem:64")])
        .unwrap();
    cell.now = cell.now + Span(1);
    cell.submit(vec![wanted("x-second", "cpus:1;mem:64")])
        .unwrap();
    cell.now = cell.now + Span(1);
    cell.submit(vec![wanted("a-third", "cpus:1;mem:64")])
        .unwrap();
    cell.allocate();
    assert!(cell.launch_of_request("y-first") < cell.launch_of_request("x-second"));
    assert!(cell.launch_of_request("y-first").is_some());
    assert_eq!(cell.launch_of_request("z-large"), None, "does not fit");
    assert_eq!(cell.launch_of_request("a-third"), None, "its turn is later");
}

#[test]
fn an_agent_is_not_asked_again_until_something_changes() {
    let mut cell = Cell::new();
    cell.agent("a1", "cpus:2;mem:4096");
    cell.submit(vec![wanted("large", "cpus:8;mem:64")]).unwrap();
    cell.allocate();
    let quiet = cell
        .kernel
        .next_timeout()
        .is_none_or(|at| at > cell.now + Span::from_secs(1));
    assert!(
        quiet,
        "nothing to do: {:?} at {:?}",
        cell.kernel.next_timeout(),
        cell.now
    );
    cell.agent("a2", "cpus:8;mem:4096");
    cell.allocate();
    assert!(cell.launch_of_request("large").is_some());
    cell.submit(vec![wanted("small", "cpus:1;mem:64")]).unwrap();
    cell.allocate();
    assert!(
        cell.launch_of_request("small").is_some(),
        "a new shape lifts the filters"
    );
}

#[test]
fn others_get_what_the_built_in_framework_does_not_use() {
    let mut cell = Cell::new();
    cell.agent("a1", "cpus:4;mem:4096");
    cell.submit(vec![wanted("t1", "cpus:1;mem:1024")]).unwrap();
    let client = cell.framework("f1");
    cell.allocate();
    cell.allocate();
    assert!(cell.launch_of_request("t1").is_some());
    let offered = cell
        .offers(&client)
        .iter()
        .fold(resources(""), |mut sum, offer| {
            sum.add(&offer.resources);
            sum
        });
    assert_eq!(offered, resources("cpus:3;mem:3072"));
}

#[test]
fn constraints_and_kinds_choose_the_machine() {
    let mut cell = Cell::new();
    cell.agent("plain", "cpus:4;mem:4096");
    cell.unregistered("special", "cpus:4;mem:4096");
    let machine = cell.machine("special");
    machine.info.attributes.push(("rack".into(), "a7".into()));
    machine.info.capabilities.wasm = true;
    cell.register("special").unwrap();
    let mut constrained = wanted("constrained", "cpus:1;mem:64");
    constrained.constraints.push(("rack".into(), "a7".into()));
    let mut wasm = wanted("wasm", "cpus:1;mem:64");
    wasm.kind = TaskKind::Wasm;
    let mut nowhere = wanted("nowhere", "cpus:1;mem:64");
    nowhere.constraints.push(("rack".into(), "b1".into()));
    cell.submit(vec![constrained, wasm, nowhere]).unwrap();
    cell.allocate();
    for task in ["constrained", "wasm"] {
        let id = cell.launch_of_request(task).unwrap();
        assert_eq!(cell.store.task(id).agent.as_str(), "special");
    }
    assert_eq!(cell.launch_of_request("nowhere"), None);
}

#[test]
fn what_certainly_does_not_run_is_retried_under_a_new_launch_id() {
    let mut cell = Cell::new();
    cell.agent("a1", "cpus:4;mem:4096");
    let mut request = wanted("t1", "cpus:1;mem:64");
    request.retries = 1;
    cell.submit(vec![request]).unwrap();
    cell.allocate();
    let first = cell.launch_of_request("t1").unwrap();
    cell.obey("a1");
    cell.report("a1", first, TaskState::Failed);
    assert!(
        cell.events
            .iter()
            .any(|event| matches!(event, EventKind::RequestRetried { left: 0, .. }))
    );
    cell.allocate();
    let second = cell.launch_of_request("t1").unwrap();
    assert_ne!(first, second);
    assert_eq!(cell.store.task(second).attempt, 1);
    cell.obey("a1");
    cell.report("a1", second, TaskState::Failed);
    assert_eq!(cell.store.rows().requests, [], "no retries are left");
}

#[test]
fn what_may_still_run_is_never_retried() {
    let mut cell = Cell::new();
    cell.agent("a1", "cpus:4;mem:4096");
    cell.agent("a2", "cpus:4;mem:4096");
    let mut request = wanted("t1", "cpus:1;mem:64");
    request.retries = 3;
    cell.submit(vec![request]).unwrap();
    cell.allocate();
    let id = cell.launch_of_request("t1").unwrap();
    let agent = cell.store.task(id).agent.to_string();
    cell.obey(&agent);
    cell.report(&agent, id, TaskState::Running);
    cell.cut(&agent);
    cell.pass(Span::from_secs(100));
    assert_eq!(cell.state(id), TaskState::Unreachable);
    assert_eq!(cell.launch_of_request("t1"), Some(id));
}

#[test]
fn a_waiting_request_is_withdrawn_and_a_started_one_killed() {
    let mut cell = Cell::new();
    cell.agent("a1", "cpus:1;mem:4096");
    let mut running = wanted("running", "cpus:1;mem:64");
    running.retries = 5;
    cell.submit(vec![running]).unwrap();
    cell.allocate();
    cell.submit(vec![wanted("waiting", "cpus:1;mem:64")])
        .unwrap();
    cell.allocate();
    cell.withdraw("waiting").unwrap();
    let withdrawn = |event: &EventKind| matches!(event, EventKind::RequestWithdrawn { .. });
    assert!(cell.events.iter().any(withdrawn));
    let id = cell.launch_of_request("running").unwrap();
    cell.obey("a1");
    cell.withdraw("running").unwrap();
    cell.obey("a1");
    assert_eq!(cell.machine("a1").killed, [id]);
    cell.report("a1", id, TaskState::Failed);
    assert_eq!(cell.store.rows().requests, [], "and not retried");
    assert_eq!(
        cell.withdraw("running"),
        Err(Rejection::TaskUnknown("running".into()))
    );
}

#[test]
fn requests_survive_the_owner() {
    let mut cell = Cell::new();
    cell.submit(vec![wanted("t1", "cpus:1;mem:64")]).unwrap();
    cell.restart();
    assert_eq!(
        cell.submit(vec![wanted("t1", "cpus:1")]),
        Err(Rejection::TaskExists("t1".into()))
    );
    cell.agent("a1", "cpus:4;mem:4096");
    cell.allocate();
    let id = cell.launch_of_request("t1").unwrap();
    cell.obey("a1");
    cell.restart();
    cell.register("a1").unwrap();
    cell.report("a1", id, TaskState::Finished);
    assert_eq!(cell.store.rows().requests, []);
    assert_ne!(cell.now, Time(0));
}
