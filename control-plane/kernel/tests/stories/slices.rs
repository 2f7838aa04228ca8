//! Stories about long work: each step does a slice, and the rest follows with the timer.

use insula_kernel::input::Call;
use insula_kernel::{Config, Input, Rejection};
use insula_types::message::ToFramework;
use insula_types::{SessionId, Span, TaskState};

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
fn a_long_answer_goes_on_when_the_session_has_come_to_its_mark() {
    let mut cell = Cell::with(Config {
        slice: 2,
        window: 4,
        ..Config::default()
    });
    cell.agent("a1", "cpus:4;mem:4096");
    let client = cell.framework("f1");
    cell.many(&client, 10);
    cell.heard(&client);
    cell.call(&client, Call::Reconcile(vec![])).unwrap();
    cell.call(&client, Call::Reconcile(vec![])).unwrap();
    let mut parts = Vec::new();
    for _ in 0..10 {
        cell.settle();
        let heard = cell.heard(&client);
        let Some(ToFramework::Mark(mark)) = heard.last() else {
            parts.push(heard.len());
            break;
        };
        parts.push(heard.len() - 1);
        let reached = |session: &SessionId, mark| Input::MarkReached {
            framework: client.key.clone(),
            session: session.clone(),
            mark,
        };
        cell.step(reached(&client.session, mark + 1)).unwrap();
        cell.step(reached(&"another".into(), *mark)).unwrap();
        cell.settle();
        assert_eq!(cell.heard(&client), [], "that was another mark");
        cell.step(reached(&client.session, *mark)).unwrap();
    }
    assert_eq!(
        parts,
        [4, 4, 4, 4, 4, 0],
        "two answers of ten, no mark at the end"
    );
}

#[test]
fn a_mark_that_was_never_reached_does_not_hold_up_the_next_session() {
    let mut cell = Cell::with(Config {
        slice: 2,
        window: 2,
        ..Config::default()
    });
    cell.agent("a1", "cpus:4;mem:4096");
    let client = cell.framework("f1");
    cell.many(&client, 3);
    cell.call(&client, Call::Reconcile(vec![])).unwrap();
    let client = cell.again(&client);
    cell.heard(&client);
    cell.call(&client, Call::Reconcile(vec![])).unwrap();
    cell.settle();
    assert_eq!(cell.heard(&client).len(), 3, "two statuses and a mark");
}

#[test]
fn an_agent_is_sent_no_more_than_it_is_heard_to_have_applied() {
    let mut cell = Cell::with(Config {
        slice: 2,
        window: 4,
        ..Config::default()
    });
    cell.agent("a1", "cpus:4;mem:4096");
    let client = cell.framework("f1");
    cell.many(&client, 10);
    assert_eq!(cell.machine("a1").started.len(), 4);
    cell.settle();
    cell.obey("a1");
    assert_eq!(cell.machine("a1").started.len(), 8);
    cell.settle();
    cell.obey("a1");
    assert_eq!(cell.machine("a1").started.len(), 10);
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
