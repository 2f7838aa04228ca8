//! Stories about offers: who gets them, how they end, and what is refused.

use crate::harness::{Cell, launch, named, resources};
use insula_kernel::Config;
use insula_kernel::input::{Call, Filters};
use insula_types::message::ToFramework;
use insula_types::{Reason, Span, TaskState};

#[test]
fn a_framework_is_offered_a_machine_and_runs_a_task_on_it() {
    let mut cell = Cell::new();
    cell.agent("a1", "cpus:4;mem:4096;ports:[31000-32000]");
    let client = cell.framework("f1");
    cell.allocate();
    let offers = cell.offers(&client);
    assert_eq!(offers.len(), 1);
    assert_eq!(
        offers[0].resources,
        resources("cpus:4;mem:4096;ports:[31000-32000]")
    );
    assert_eq!(offers[0].hostname, "a1.example");
    let id = cell.running_from(&client, &offers);
    assert_eq!(cell.state(id), TaskState::Running);
    cell.report("a1", id, TaskState::Finished);
    let status = cell.update(&client);
    assert_eq!(status.state, TaskState::Finished);
    cell.acknowledge(&client, &status);
    cell.obey("a1");
    assert!(cell.store.task(id).archived);
    assert!(cell.machine("a1").held.is_empty());
    assert_eq!(cell.kernel.rows().tasks, []);
}

impl Cell {
    fn running_from(
        &mut self,
        client: &crate::harness::Client,
        offers: &[insula_types::message::Offer],
    ) -> insula_types::LaunchId {
        self.accept(client, offers, vec![launch("t1", "a1", "cpus:1;mem:128")]);
        self.obey("a1");
        let id = self.launch_of(client, "t1");
        self.report("a1", id, TaskState::Running);
        let status = self.update(client);
        assert!(status.uuid.is_some());
        self.acknowledge(client, &status);
        self.obey("a1");
        id
    }
}

#[test]
fn what_an_accept_leaves_over_comes_back_after_the_filter() {
    let mut cell = Cell::new();
    cell.agent("a1", "cpus:4;mem:4096");
    let client = cell.framework("f1");
    cell.allocate();
    let offers = cell.offers(&client);
    let filters = Filters {
        refuse: Span::from_secs(5),
    };
    let tasks = vec![launch("t1", "a1", "cpus:1;mem:1024")];
    cell.accept_ids(&client, vec![offers[0].id], tasks, filters);
    cell.pass(Span::from_secs(4));
    assert_eq!(cell.offers(&client), []);
    cell.pass(Span::from_secs(2));
    let offers = cell.offers(&client);
    assert_eq!(offers[0].resources, resources("cpus:3;mem:3072"));
}

#[test]
fn a_decline_without_a_filter_is_offered_again_at_once() {
    let mut cell = Cell::new();
    cell.agent("a1", "cpus:4;mem:4096");
    let client = cell.framework("f1");
    cell.allocate();
    let offers = cell.offers(&client);
    cell.decline(&client, &offers, Span::ZERO);
    cell.allocate();
    assert_eq!(cell.offers(&client).len(), 1);
}

#[test]
fn resources_of_an_ended_task_are_offered_at_once_in_spite_of_a_filter() {
    let mut cell = Cell::new();
    cell.agent("a1", "cpus:4;mem:4096");
    let client = cell.framework("f1");
    let id = cell.running(&client, "a1", "t1");
    cell.allocate();
    let offers = cell.offers(&client);
    cell.decline(&client, &offers, Span::from_secs(3600));
    cell.report("a1", id, TaskState::Finished);
    cell.heard(&client);
    cell.allocate();
    assert_eq!(cell.offers(&client).len(), 1);
}

#[test]
fn a_suppressed_framework_is_offered_nothing_until_it_revives() {
    let mut cell = Cell::new();
    let client = cell.framework("f1");
    cell.call(&client, Call::Suppress(vec![])).unwrap();
    cell.agent("a1", "cpus:4;mem:4096");
    cell.allocate();
    assert_eq!(cell.offers(&client), []);
    cell.call(&client, Call::Revive(vec!["other".into()]))
        .unwrap();
    cell.allocate();
    assert_eq!(
        cell.offers(&client),
        [],
        "a call with a foreign role is dropped"
    );
    cell.call(&client, Call::Revive(vec!["*".into()])).unwrap();
    cell.allocate();
    assert_eq!(cell.offers(&client).len(), 1);
}

#[test]
fn an_offer_that_is_not_used_is_rescinded_and_others_go_first() {
    let mut cell = Cell::new();
    cell.agent("a1", "cpus:4;mem:4096");
    let idle = cell.framework("idle");
    cell.allocate();
    let offers = cell.offers(&idle);
    let busy = cell.framework("busy");
    cell.pass(Span::from_secs(6));
    assert!(
        cell.heard(&idle)
            .contains(&ToFramework::Rescind(offers[0].id))
    );
    assert_eq!(
        cell.offers(&busy)[0].resources,
        resources("cpus:4;mem:4096")
    );
}

#[test]
fn an_offer_nobody_else_wants_lives_for_the_long_lease() {
    let mut cell = Cell::new();
    cell.agent("a1", "cpus:4;mem:4096");
    let client = cell.framework("f1");
    cell.allocate();
    let offers = cell.offers(&client);
    cell.pass(Span::from_secs(59));
    assert_eq!(cell.heard(&client), []);
    cell.pass(Span::from_secs(2));
    let heard = cell.heard(&client);
    assert_eq!(heard[0], ToFramework::Rescind(offers[0].id));
    assert!(
        matches!(heard[1], ToFramework::Offers(_)),
        "and is made anew"
    );
}

#[test]
fn invalid_offers_refuse_the_whole_accept() {
    let mut cell = Cell::new();
    cell.agent("a1", "cpus:4;mem:4096");
    cell.agent("a2", "cpus:4;mem:4096");
    let client = cell.framework("f1");
    cell.allocate();
    let offers = cell.offers(&client);
    let mixed: Vec<_> = offers.iter().map(|offer| offer.id).collect();
    let none = Filters { refuse: Span::ZERO };
    cell.accept_ids(
        &client,
        mixed.clone(),
        vec![launch("t1", "a1", "cpus:1")],
        none,
    );
    let status = cell.update(&client);
    assert_eq!(status.state, TaskState::Dropped);
    assert_eq!(status.reason, Some(Reason::InvalidOffers));
    assert_eq!(status.uuid, None);
    assert!(
        status.message.contains("must belong to one single agent"),
        "{}",
        status.message
    );
    assert_eq!(
        cell.kernel.offers().count(),
        0,
        "the valid offers are discarded"
    );

    cell.accept_ids(
        &client,
        vec![mixed[0]],
        vec![launch("t1", "a1", "cpus:1")],
        none,
    );
    let status = cell.update(&client);
    let expected = format!(
        "Task launched with invalid offers: Offer {} is no longer valid",
        mixed[0]
    );
    assert_eq!(status.message, expected);
}

#[test]
fn another_frameworks_offer_looks_like_one_that_never_was() {
    let mut cell = Cell::new();
    cell.agent("a1", "cpus:4;mem:4096");
    let owner = cell.framework("owner");
    cell.allocate();
    let offers = cell.offers(&owner);
    let mut info = cell.info(&["*"]);
    info.capabilities.partition_aware = false;
    let thief = cell.subscribe("other", "thief", info, &[]).unwrap();
    cell.heard(&thief);
    let none = Filters { refuse: Span::ZERO };
    cell.accept_ids(
        &thief,
        vec![offers[0].id],
        vec![launch("t1", "a1", "cpus:1")],
        none,
    );
    let status = cell.update(&thief);
    assert_eq!(
        status.state,
        TaskState::Lost,
        "for a framework that knows no TASK_DROPPED"
    );
    assert!(status.message.ends_with("is no longer valid"));
    assert_eq!(cell.kernel.offers().count(), 1, "the owner keeps its offer");
}

#[test]
fn each_task_of_an_accept_is_judged_by_itself() {
    let mut cell = Cell::new();
    cell.agent("a1", "cpus:2;mem:1024");
    let client = cell.framework("f1");
    cell.allocate();
    let offers = cell.offers(&client);
    let mut invalid = launch("bad", "a1", "cpus:1");
    invalid.invalid = Some("Task has neither a command nor an executor".into());
    let tasks = vec![
        launch("good", "a1", "cpus:1;mem:512"),
        launch("elsewhere", "a2", "cpus:1;mem:512"),
        launch("nothing", "a1", ""),
        invalid,
        launch("large", "a1", "cpus:2;mem:512"),
    ];
    cell.accept(&client, &offers, tasks);
    let updates = cell.updates(&client);
    let messages: Vec<&str> = updates
        .iter()
        .map(|status| status.message.as_str())
        .collect();
    assert_eq!(
        messages,
        [
            "Task uses invalid agent a2 while agent a1 is expected",
            "Task uses no resources",
            "Task has neither a command nor an executor",
            "Total resources cpus:2;mem:512 required by task and its executor is more than available cpus:1;mem:512",
        ]
    );
    for status in &updates {
        assert_eq!(status.state, TaskState::Error);
        assert_eq!(status.reason, Some(Reason::TaskInvalid));
    }
    assert_eq!(cell.store.rows().tasks.len(), 1);
}

#[test]
fn a_task_id_that_lives_is_answered_with_its_state() {
    let mut cell = Cell::new();
    cell.agent("a1", "cpus:4;mem:4096");
    let client = cell.framework("f1");
    cell.running(&client, "a1", "t1");
    cell.allocate();
    let offers = cell.offers(&client);
    cell.accept(&client, &offers, vec![launch("t1", "a1", "cpus:1;mem:64")]);
    let status = cell.update(&client);
    assert_eq!((status.state, status.uuid), (TaskState::Running, None));
    // The offer is gone by now: still no terminal update for a task that runs.
    cell.accept(&client, &offers, vec![launch("t1", "a1", "cpus:1;mem:64")]);
    assert_eq!(cell.update(&client).state, TaskState::Running);
}

#[test]
fn an_offer_of_an_earlier_epoch_is_void() {
    let mut cell = Cell::new();
    cell.agent("a1", "cpus:4;mem:4096");
    let client = cell.framework("f1");
    cell.allocate();
    let offers = cell.offers(&client);
    cell.restart();
    let client = cell.again(&client);
    cell.heard(&client);
    cell.accept(&client, &offers, vec![launch("t1", "a1", "cpus:1")]);
    assert_eq!(cell.update(&client).reason, Some(Reason::InvalidOffers));
}

#[test]
fn a_cell_takes_only_so_many_tasks() {
    let mut cell = Cell::with(Config {
        tasks_max: 1,
        ..Config::default()
    });
    cell.agent("a1", "cpus:4;mem:4096");
    let client = cell.framework("f1");
    cell.allocate();
    let offers = cell.offers(&client);
    let two = vec![launch("t1", "a1", "cpus:1"), launch("t2", "a1", "cpus:1")];
    let call = Call::Accept {
        offers: vec![named(offers[0].id)],
        launches: two,
        filters: Filters { refuse: Span::ZERO },
    };
    let refused = cell.call(&client, call).unwrap_err();
    assert!(refused.to_string().contains("limit of 1"), "{refused}");
    assert_eq!(cell.kernel.offers().count(), 1, "the offer is still there");
}
