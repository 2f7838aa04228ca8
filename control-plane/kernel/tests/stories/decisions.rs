//! Stories about decisions: watchers hear of each, with its reason, and the figures count it.

use insula_kernel::Config;
use insula_kernel::input::Filters;
use insula_types::event::{EventKind, Rescinded};
use insula_types::why::Why;
use insula_types::{Span, TaskState};

use crate::harness::{Cell, launch, wanted};

impl Cell {
    /// Why tasks were said to wait, since the last time.
    fn told(&mut self) -> Vec<(String, Why)> {
        let events = std::mem::take(&mut self.events).into_iter();
        let waits = events.filter_map(|event| match event {
            EventKind::RequestWaits { task, why } => Some((task.task.to_string(), why)),
            _ => None,
        });
        waits.collect()
    }

    fn rescinded(&self) -> Vec<(usize, Rescinded)> {
        let rescinded = self.events.iter().filter_map(|event| match event {
            EventKind::OffersRescinded { count, why, .. } => Some((*count, *why)),
            _ => None,
        });
        rescinded.collect()
    }
}

#[test]
fn why_a_request_waits_is_told_when_it_changes_and_not_again() {
    let mut cell = Cell::new();
    cell.submit(vec![wanted("t1", "cpus:8;mem:64")]).unwrap();
    cell.allocate();
    assert_eq!(cell.told(), [("t1".to_owned(), Why::NoAgents)]);
    cell.pass(Span::from_secs(5));
    cell.agent("a1", "cpus:4;mem:4096");
    cell.pass(Span::from_secs(5));
    let told = cell.told();
    assert!(
        matches!(&told[..], [(task, Why::NoAgentLargeEnough { .. })] if task == "t1"),
        "{told:?}"
    );
    // Another agent that is too small as well is no news.
    cell.agent("a2", "cpus:5;mem:4096");
    cell.pass(Span::from_secs(5));
    assert_eq!(cell.told(), []);
    cell.agent("a3", "cpus:8;mem:4096");
    cell.allocate();
    assert_eq!(cell.told(), [], "it is started");
    assert_eq!(cell.kernel.figures().requests_waiting, 0);
}

#[test]
fn a_reason_that_comes_and_goes_is_told_once_a_second() {
    let mut cell = Cell::with(Config {
        sessions_per_minute: 1_000,
        ..Config::default()
    });
    cell.submit(vec![wanted("t1", "cpus:8;mem:64")]).unwrap();
    cell.allocate();
    cell.unregistered("a1", "cpus:4;mem:4096");
    for _ in 0..50 {
        cell.register("a1").unwrap();
        cell.pass(Span::from_millis(5));
        cell.cut("a1");
        cell.pass(Span::from_millis(5));
    }
    let told = cell.told();
    assert!((1..=2).contains(&told.len()), "{told:?}");
}

#[test]
fn the_oldest_of_sixteen_shapes_of_a_tenant_are_told_of() {
    let mut cell = Cell::new();
    let shape = |n: usize| format!("cpus:{};mem:64", n + 1);
    let tasks = (0..40).map(|n| wanted(&format!("t{n:02}"), &shape(n / 2)));
    cell.submit(tasks.collect()).unwrap();
    cell.allocate();
    let told: Vec<String> = cell.told().into_iter().map(|(task, _)| task).collect();
    let expected: Vec<String> = (0..16).map(|n| format!("t{:02}", n * 2)).collect();
    assert_eq!(
        told, expected,
        "the first of each shape tells for the others"
    );
}

#[test]
fn offers_that_come_back_are_told_of_with_the_reason() {
    let mut cell = Cell::new();
    cell.agent("a1", "cpus:4;mem:4096");
    let client = cell.framework("f1");
    cell.allocate();
    let offers = cell.offers(&client);
    cell.decline(&client, &offers, Span::from_secs(7));
    assert!(cell.events.contains(&EventKind::OffersDeclined {
        framework: client.key.clone(),
        count: 1,
        refuse: Span::from_secs(7),
    }));
    cell.pass(Span::from_secs(8));
    cell.cut("a1");
    assert_eq!(cell.rescinded(), [(1, Rescinded::AgentChanged)]);
    cell.register("a1").unwrap();
    cell.allocate();
    cell.pass(Span::from_secs(61));
    assert_eq!(cell.rescinded()[1..], [(1, Rescinded::Expired)]);
    cell.allocate();
    cell.framework("f2");
    cell.pass(Span::from_secs(6));
    assert_eq!(cell.rescinded()[2..], [(1, Rescinded::OthersWait)]);
    let held = cell.kernel.figures().offers;
    cell.disconnect(&client);
    let counters = cell.kernel.figures().counters;
    let over: u64 = counters.offers_rescinded.values().sum();
    let out = cell.kernel.figures().offers as u64;
    assert_eq!(counters.offers_made, 1 + over + out, "{held} were out");
    assert_eq!(counters.offers_declined, 1);
}

#[test]
fn an_accept_that_comes_to_nothing_is_told_of() {
    let mut cell = Cell::new();
    cell.agent("a1", "cpus:4;mem:4096");
    let client = cell.framework("f1");
    cell.allocate();
    let offers = cell.offers(&client);
    cell.decline(&client, &offers, Span::ZERO);
    let ids = offers.iter().map(|offer| offer.id).collect();
    let tasks = vec![launch("t1", "a1", "cpus:1;mem:64")];
    cell.accept_ids(&client, ids, tasks, Filters { refuse: Span::ZERO });
    let id = offers[0].id;
    assert!(cell.events.contains(&EventKind::CallRefused {
        framework: client.key.clone(),
        call: "accept",
        task: Some("t1".into()),
        sentence: format!("Offer {id} is no longer valid"),
    }));
    let counters = cell.kernel.figures().counters;
    assert_eq!((counters.accepts, counters.accepts_refused), (1, 1));
    assert_eq!(counters.launches, 0);
}

#[test]
fn a_kill_and_an_acknowledgement_are_told_of_and_the_end_is_counted() {
    let mut cell = Cell::new();
    cell.agent("a1", "cpus:4;mem:4096");
    let client = cell.framework("f1");
    let id = cell.running(&client, "a1", "t1");
    assert_eq!(cell.kernel.figures().tasks[&TaskState::Running], 1);
    cell.events.clear();
    cell.kill(&client, "t1");
    cell.obey("a1");
    cell.report("a1", id, TaskState::Killed);
    let status = cell.update(&client);
    cell.acknowledge(&client, &status);
    cell.acknowledge(&client, &status);
    let key = cell.store.task(id).key.clone();
    let asked = EventKind::KillAsked {
        task: key.clone(),
        launch: id,
        agent: "a1".into(),
    };
    let acknowledged = EventKind::TaskAcknowledged {
        task: key,
        launch: id,
        agent: "a1".into(),
        state: TaskState::Killed,
    };
    assert!(cell.events.contains(&asked));
    let times = cell.events.iter().filter(|event| **event == acknowledged);
    assert_eq!(times.count(), 1, "once, however often it is said");
    cell.obey("a1");
    let figures = cell.kernel.figures();
    assert_eq!(figures.counters.tasks_ended[&TaskState::Killed], 1);
    assert!(figures.tasks.values().all(|count| *count == 0));
    assert_eq!(
        (figures.agents.connected, figures.frameworks.subscribed),
        (1, 1)
    );
}
