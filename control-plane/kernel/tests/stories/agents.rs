//! Stories about agents that come, come again, and come changed.

use insula_kernel::input::Cause;
use insula_kernel::{Input, Rejection};
use insula_types::event::EventKind;
use insula_types::message::{FromAgent, ToAgent, ToFramework, Watermark};
use insula_types::{Epoch, Span, TaskState};

use crate::harness::{Cell, resources};

#[test]
fn a_session_begins_with_a_registration() {
    let mut cell = Cell::new();
    cell.unregistered("a1", "cpus:4;mem:4096");
    let alive = Input::Agent {
        agent: "a1".into(),
        session: "none".into(),
        message: FromAgent::Alive {
            watermark: Watermark::default(),
            clock: cell.now,
        },
    };
    let refused = cell.step(alive).unwrap_err();
    assert!(
        matches!(refused, Rejection::AgentSession { .. }),
        "{refused}"
    );
    cell.register("a1").unwrap();
    assert!(matches!(
        cell.machine("a1").received[0],
        ToAgent::Registered { .. }
    ));
}

#[test]
fn another_work_directory_is_another_machine() {
    let mut cell = Cell::new();
    cell.agent("a1", "cpus:4;mem:4096");
    cell.machine("a1").checkpoint = "a clone".into();
    let refused = cell.register("a1").unwrap_err();
    assert_eq!(refused, Rejection::ForeignCheckpoint("a1".into()));
}

#[test]
fn a_second_session_supersedes_the_first() {
    let mut cell = Cell::new();
    cell.agent("a1", "cpus:4;mem:4096");
    let old = cell.machine("a1").session.clone().unwrap();
    cell.register("a1").unwrap();
    let late = Input::Agent {
        agent: "a1".into(),
        session: old.clone(),
        message: FromAgent::Alive {
            watermark: Watermark::default(),
            clock: cell.now,
        },
    };
    assert!(matches!(
        cell.step(late),
        Err(Rejection::AgentSession { .. })
    ));
    cell.step(Input::AgentDisconnected {
        agent: "a1".into(),
        session: old,
        cause: Cause::ByPeer,
    })
    .unwrap();
    let view = cell.kernel.agents_view().next().unwrap();
    assert!(view.connected, "the end of the old session is no news");
}

#[test]
fn an_agent_that_goes_away_takes_its_offers_along() {
    let mut cell = Cell::new();
    cell.agent("a1", "cpus:4;mem:4096");
    let client = cell.framework("f1");
    cell.allocate();
    let offers = cell.offers(&client);
    cell.cut("a1");
    assert_eq!(cell.heard(&client), [ToFramework::Rescind(offers[0].id)]);
    cell.allocate();
    assert_eq!(cell.offers(&client), []);
    cell.register("a1").unwrap();
    cell.allocate();
    assert_eq!(cell.offers(&client).len(), 1);
}

#[test]
fn an_agent_that_comes_back_smaller_has_nothing_free_and_shows_the_excess() {
    let mut cell = Cell::new();
    cell.agent("a1", "cpus:4;mem:4096");
    let client = cell.framework("f1");
    let id = cell.launched(&client, "a1", "t1", "cpus:3;mem:1024");
    cell.obey("a1");
    cell.report("a1", id, TaskState::Running);
    cell.heard(&client);
    cell.cut("a1");
    cell.machine("a1").info.resources = resources("cpus:2;mem:4096");
    cell.register("a1").unwrap();
    let view = cell.kernel.agents_view().next().unwrap();
    assert_eq!(view.used, resources("cpus:3;mem:1024"));
    assert_eq!(view.excess, resources("cpus:1"));
    assert_eq!(cell.state(id), TaskState::Running, "its tasks go on");
    cell.report("a1", id, TaskState::Finished);
    let view = cell.kernel.agents_view().next().unwrap();
    assert_eq!(view.excess, resources(""));
}

#[test]
fn offers_of_a_machine_that_changed_are_rescinded() {
    let mut cell = Cell::new();
    cell.agent("a1", "cpus:4;mem:4096");
    let client = cell.framework("f1");
    cell.allocate();
    let offers = cell.offers(&client);
    cell.decline(&client, &offers, Span::from_secs(3600));
    cell.machine("a1")
        .info
        .attributes
        .push(("rack".into(), "a7".into()));
    cell.register("a1").unwrap();
    cell.allocate();
    let offers = cell.offers(&client);
    assert_eq!(
        offers[0].attributes,
        [("rack".into(), "a7".into())],
        "its filters are void"
    );
    cell.machine("a1").info.resources = resources("cpus:8;mem:4096");
    cell.register("a1").unwrap();
    assert_eq!(cell.heard(&client), [ToFramework::Rescind(offers[0].id)]);
}

#[test]
fn a_task_that_the_agent_has_lost_is_gone() {
    let mut cell = Cell::new();
    cell.agent("a1", "cpus:4;mem:4096");
    let client = cell.framework("f1");
    let id = cell.running(&client, "a1", "t1");
    cell.machine("a1").held.clear();
    cell.register("a1").unwrap();
    let status = cell.update(&client);
    assert_eq!((status.state, status.uuid), (TaskState::Gone, None));
    assert!(cell.store.task(id).archived, "nobody waits for anything");
}

#[test]
fn an_end_that_the_agent_forgot_waits_for_its_framework_alone() {
    let mut cell = Cell::new();
    cell.agent("a1", "cpus:4;mem:4096");
    let client = cell.framework("f1");
    let id = cell.running(&client, "a1", "t1");
    cell.report("a1", id, TaskState::Finished);
    let status = cell.update(&client);
    cell.machine("a1").held.clear();
    cell.register("a1").unwrap();
    assert_eq!(cell.state(id), TaskState::Finished);
    assert!(!cell.store.task(id).archived);
    cell.acknowledge(&client, &status);
    assert!(cell.store.task(id).archived);
}

#[test]
fn a_task_that_no_row_knows_is_held_with_an_alarm_and_nothing_is_offered() {
    let mut cell = Cell::new();
    cell.agent("a1", "cpus:4;mem:4096");
    let backup = cell.store.rows();
    let client = cell.framework("f1");
    let id = cell.running(&client, "a1", "t1");
    cell.store.roll_back(backup);
    cell.restart();
    cell.register("a1").unwrap();
    cell.obey("a1");
    assert!(
        cell.alarms()
            .iter()
            .any(|alarm| alarm.contains("no record of")),
        "{:?}",
        cell.alarms()
    );
    assert_eq!(cell.machine("a1").killed, []);
    let view = cell.kernel.agents_view().next().unwrap();
    assert!(view.held.unwrap().contains("no record of"));
    let client = cell.again(&client);
    cell.allocate();
    assert_eq!(cell.offers(&client), []);
    cell.machine("a1").held.remove(&id);
    cell.register("a1").unwrap();
    cell.allocate();
    assert_eq!(
        cell.offers(&client).len(),
        1,
        "once an operator has cleared it"
    );
}

#[test]
fn numbers_go_on_above_what_an_agent_has_seen() {
    let mut cell = Cell::new();
    cell.agent("a1", "cpus:4;mem:4096");
    cell.machine("a1").watermark.seq = 41;
    cell.register("a1").unwrap();
    assert_eq!(cell.alarms().len(), 1);
    let client = cell.framework("f1");
    let id = cell.launched(&client, "a1", "t1", "cpus:1;mem:64");
    assert_eq!(cell.store.task(id).launch_seq, 42);
    cell.obey("a1");
    assert_eq!(cell.machine("a1").started, [id]);
}

#[test]
fn an_agent_that_was_rolled_back_kills_what_it_holds_before_anything_else() {
    let mut cell = Cell::new();
    cell.agent("a1", "cpus:4;mem:4096");
    let client = cell.framework("f1");
    let kept = cell.running(&client, "a1", "kept");
    let before = cell.machine("a1").watermark;
    let lost = cell.running(&client, "a1", "lost");
    cell.machine("a1").held.remove(&lost);
    cell.machine("a1").watermark = before;
    cell.heard(&client);
    cell.register("a1").unwrap();
    assert!(cell.alarms()[0].contains("was rolled back"));
    cell.allocate();
    assert_eq!(
        cell.updates(&client),
        [],
        "nothing is reported before it has confirmed"
    );
    cell.obey("a1");
    assert_eq!(cell.machine("a1").killed, [kept]);
    assert_eq!(
        cell.machine("a1").started,
        [kept, lost],
        "the forgotten launch is a no-op"
    );
    let status = cell.update(&client);
    assert_eq!(
        (status.task.as_str(), status.state),
        ("lost", TaskState::Gone)
    );
    cell.report("a1", kept, TaskState::Killed);
    assert_eq!(cell.update(&client).state, TaskState::Killed);
    cell.allocate();
    assert_eq!(cell.offers(&client).len(), 1, "offers are made again");
}

#[test]
fn an_agent_that_obeys_a_later_epoch_is_refused_with_an_alarm() {
    let mut cell = Cell::new();
    cell.unregistered("a1", "cpus:4;mem:4096");
    cell.machine("a1").watermark = Watermark {
        epoch: Epoch(5000),
        seq: 3,
    };
    cell.register("a1").unwrap();
    assert!(matches!(
        cell.machine("a1").received[..],
        [ToAgent::Disconnect { .. }]
    ));
    assert_eq!(cell.alarms().len(), 1);
    assert_eq!(cell.store.rows().agents, []);
}

#[test]
fn an_agent_ahead_of_its_session_is_asked_for_everything() {
    let mut cell = Cell::new();
    cell.agent("a1", "cpus:4;mem:4096");
    cell.machine("a1").received.clear();
    cell.machine("a1").watermark.seq = 9;
    cell.alive("a1");
    assert_eq!(cell.machine("a1").received, [ToAgent::Resync]);
}

#[test]
fn watchers_hear_of_agents() {
    let mut cell = Cell::new();
    cell.agent("a1", "cpus:4;mem:4096");
    cell.cut("a1");
    cell.register("a1").unwrap();
    let agent = || "a1".into();
    assert_eq!(
        cell.events,
        [
            EventKind::AgentRegistered {
                agent: agent(),
                again: false
            },
            EventKind::AgentDisconnected { agent: agent() },
            EventKind::AgentRegistered {
                agent: agent(),
                again: true
            },
        ]
    );
}
