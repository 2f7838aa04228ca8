//! Stories about long work: each step does a slice, and the rest follows with the timer.

use insula_kernel::input::Call;
use insula_kernel::{Config, Input, Rejection};
use insula_types::{Span, TaskState};

use crate::harness::{Cell, Client, launch};

fn cell_of_slices(slice: usize) -> Cell {
    Cell::with(Config {
        slice,
        ..Config::default()
    })
}

impl Cell {
    fn many(&mut self, client: &Client, count: usize) {
        self.allocate();
        let offers = self.offers(client);
        let tasks = (0..count)
            .map(|n| launch(&format!("t{n:02}"), "a1", "cpus:0.1"))
            .collect();
        self.accept(client, &offers, tasks);
        self.settle();
        self.obey("a1");
    }
}

#[test]
fn a_reconciliation_of_everything_is_answered_in_slices() {
    let mut cell = cell_of_slices(4);
    cell.agent("a1", "cpus:4;mem:4096");
    let client = cell.framework("f1");
    cell.many(&client, 10);
    cell.heard(&client);
    cell.call(&client, Call::Reconcile(vec![])).unwrap();
    assert_eq!(cell.updates(&client).len(), 4);
    cell.call(&client, Call::Reconcile(vec![])).unwrap();
    cell.settle();
    assert_eq!(
        cell.updates(&client).len(),
        6 + 10,
        "the second question is answered in full"
    );
}

#[test]
fn a_named_reconciliation_is_answered_in_slices_and_bounded() {
    let mut cell = cell_of_slices(4);
    cell.agent("a1", "cpus:4;mem:4096");
    let client = cell.framework("f1");
    cell.heard(&client);
    let names = |count: usize| (0..count).map(|n| (format!("t{n}").into(), None)).collect();
    cell.call(&client, Call::Reconcile(names(10))).unwrap();
    cell.settle();
    assert_eq!(cell.updates(&client).len(), 10);
    let refused = cell
        .call(&client, Call::Reconcile(names(100_001)))
        .unwrap_err();
    assert!(matches!(refused, Rejection::TooMany { .. }));
}

#[test]
fn answers_die_with_the_session_that_asked() {
    let mut cell = cell_of_slices(4);
    cell.agent("a1", "cpus:4;mem:4096");
    let client = cell.framework("f1");
    cell.many(&client, 10);
    cell.call(&client, Call::Reconcile(vec![])).unwrap();
    let client = cell.again(&client);
    cell.heard(&client);
    cell.settle();
    assert_eq!(cell.updates(&client), []);
}

#[test]
fn an_agents_tasks_become_unreachable_in_slices_unless_it_returns_before() {
    let mut cell = cell_of_slices(4);
    cell.agent("a1", "cpus:4;mem:4096");
    let client = cell.framework("f1");
    cell.many(&client, 10);
    cell.cut("a1");
    while unreachable(&cell) == 0 {
        cell.now = cell.now + Span::from_secs(5);
        cell.step(Input::Timer).unwrap();
    }
    assert_eq!(unreachable(&cell), 4);
    cell.register("a1").unwrap();
    cell.settle();
    assert_eq!(unreachable(&cell), 0);
}

fn unreachable(cell: &Cell) -> usize {
    let tasks = cell.store.rows().tasks;
    tasks
        .iter()
        .filter(|row| row.status.state == TaskState::Unreachable)
        .count()
}

#[test]
fn a_teardown_ends_all_tasks_in_slices_and_others_go_on_meanwhile() {
    let mut cell = cell_of_slices(4);
    cell.agent("a1", "cpus:4;mem:4096");
    let client = cell.framework("f1");
    cell.many(&client, 10);
    cell.call(&client, Call::Teardown).unwrap();
    let other = cell.framework("f2");
    cell.settle();
    cell.obey("a1");
    assert_eq!(cell.machine("a1").killed.len(), 10);
    cell.allocate();
    let offered = cell.offers(&other);
    assert_eq!(offered[0].resources.to_string(), "cpus:4;mem:4096");
}

#[test]
fn many_launches_reach_the_agent_in_slices_and_in_order() {
    let mut cell = cell_of_slices(4);
    cell.agent("a1", "cpus:4;mem:4096");
    let client = cell.framework("f1");
    cell.many(&client, 10);
    assert_eq!(cell.machine("a1").started.len(), 10);
}
