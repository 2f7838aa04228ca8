//! Stories about stores and work directories that were set back in time (rules R5, R27).

use insula_kernel::{Config, Input, Rejection};
use insula_types::message::{ToAgent, Watermark};
use insula_types::{AgentId, Epoch, LaunchId, Span, TaskState};

use crate::harness::{Cell, Client};

/// An agent runs a task that was launched after the backup from which the store is now restored.
fn restored(config: Config) -> (Cell, Client, LaunchId) {
    let mut cell = Cell::with(config);
    cell.agent("a1", "cpus:4;mem:4096");
    let client = cell.framework("f1");
    let backup = cell.store.rows();
    let id = cell.running(&client, "a1", "t1");
    cell.store.roll_back(backup);
    cell.restart();
    cell.register("a1").unwrap();
    let client = cell.again(&client);
    (cell, client, id)
}

fn discard(cell: &mut Cell, agent: &str) -> Result<(), Rejection> {
    let request = cell.request();
    let agent = AgentId::from(agent);
    cell.step(Input::DiscardHeld { request, agent })
}

fn held(cell: &Cell) -> Option<String> {
    cell.kernel.agents_view().next().unwrap().held
}

fn offered(cell: &mut Cell, client: &Client) -> usize {
    cell.allocate();
    cell.offers(client).len()
}

#[test]
fn what_no_row_knows_is_killed_only_when_an_operator_says_so() {
    let (mut cell, client, id) = restored(Config::default());
    cell.pass(Span::from_secs(3600));
    cell.obey("a1");
    assert_eq!(cell.machine("a1").killed, []);
    assert!(held(&cell).unwrap().contains("no record of"));
    discard(&mut cell, "a1").unwrap();
    assert!(held(&cell).unwrap().contains("made to kill"));
    cell.obey("a1");
    assert_eq!(cell.machine("a1").killed, [id]);
    assert_eq!(offered(&mut cell, &client), 0, "it has not ended yet");
    cell.report("a1", id, TaskState::Killed);
    assert_eq!(held(&cell), None);
    assert!(cell.machine("a1").received.contains(&ToAgent::Resync));
    cell.obey("a1");
    assert_eq!(cell.machine("a1").held.len(), 0, "forgotten without a row");
    cell.register_again("a1").unwrap();
    assert_eq!(offered(&mut cell, &client), 1);
}

#[test]
fn what_was_decided_is_repeated_to_an_agent_that_did_not_hear_it() {
    let (mut cell, _, id) = restored(Config::default());
    discard(&mut cell, "a1").unwrap();
    cell.cut("a1");
    cell.register("a1").unwrap();
    cell.obey("a1");
    assert_eq!(cell.machine("a1").killed, [id]);
    cell.report("a1", id, TaskState::Killed);
    cell.machine("a1").received.clear();
    cell.resend("a1", id);
    cell.obey("a1");
    assert_eq!(cell.machine("a1").held.len(), 0);
}

#[test]
fn what_had_ended_before_it_was_discarded_is_gone_with_the_next_registration() {
    let (mut cell, client, id) = restored(Config::default());
    cell.report("a1", id, TaskState::Finished);
    discard(&mut cell, "a1").unwrap();
    assert!(cell.machine("a1").received.contains(&ToAgent::Resync));
    cell.obey("a1");
    assert_eq!(
        cell.machine("a1").held.len(),
        0,
        "it says nothing more of it"
    );
    cell.register_again("a1").unwrap();
    assert_eq!(held(&cell), None);
    assert_eq!(offered(&mut cell, &client), 1);
}

#[test]
fn another_stranger_is_another_decision() {
    let (mut cell, _, first) = restored(Config::default());
    discard(&mut cell, "a1").unwrap();
    cell.obey("a1");
    let mut second = first;
    second.number += 1;
    let held = cell.machine("a1").held[&first].clone();
    cell.machine("a1").held.insert(second, held);
    cell.machine("a1").killed.clear();
    cell.report("a1", second, TaskState::Running);
    cell.obey("a1");
    assert_eq!(cell.machine("a1").killed, []);
}

#[test]
fn there_must_be_something_to_discard_and_somebody_to_do_it() {
    let mut cell = Cell::new();
    cell.agent("a1", "cpus:4;mem:4096");
    let refused = discard(&mut cell, "a2").unwrap_err();
    assert!(refused.to_string().contains("not known"), "{refused}");
    let refused = discard(&mut cell, "a1").unwrap_err();
    assert!(refused.to_string().contains("holds nothing"), "{refused}");

    let (mut cell, _, _) = restored(Config::default());
    cell.cut("a1");
    let refused = discard(&mut cell, "a1").unwrap_err();
    assert!(refused.to_string().contains("not connected"), "{refused}");
    cell.machine("a1").protocol = 0;
    cell.register("a1").unwrap();
    let refused = discard(&mut cell, "a1").unwrap_err();
    assert!(refused.to_string().contains("too old"), "{refused}");
}

#[test]
fn what_nobody_decides_about_is_discarded_after_its_retention() {
    let (mut cell, _, id) = restored(Config {
        held_retention: Span::from_secs(600),
        ..Config::default()
    });
    cell.pass(Span::from_secs(590));
    cell.obey("a1");
    assert_eq!(cell.machine("a1").killed, []);
    cell.pass(Span::from_secs(20));
    cell.obey("a1");
    assert_eq!(cell.machine("a1").killed, [id]);
    assert!(
        cell.alarms()
            .iter()
            .any(|alarm| alarm.contains("nobody decided"))
    );
}

#[test]
fn a_kill_that_was_numbered_before_the_agent_was_back_gets_a_number_above() {
    let mut cell = Cell::new();
    cell.agent("a1", "cpus:4;mem:4096");
    let client = cell.framework("f1");
    let id = cell.running(&client, "a1", "t1");
    let backup = cell.store.rows();
    // After the backup the agent applies three commands that the restored store knows nothing of.
    cell.machine("a1").watermark.seq += 3;
    cell.store.roll_back(backup);
    cell.restart();
    let client = cell.again(&client);
    cell.kill(&client, "t1");
    assert_eq!(cell.store.task(id).kill_seq, Some(2));
    cell.register("a1").unwrap();
    assert_eq!(cell.store.task(id).kill_seq, Some(5));
    assert!(
        cell.alarms()
            .iter()
            .any(|alarm| alarm.contains("rolled back"))
    );
    cell.obey("a1");
    assert_eq!(cell.machine("a1").killed, [id]);
}

#[test]
fn numbers_that_were_given_before_the_agent_was_back_do_not_hide_that_it_is_ahead() {
    let mut cell = Cell::new();
    cell.agent("a1", "cpus:4;mem:4096");
    let client = cell.framework("f1");
    let first = cell.running(&client, "a1", "t1");
    cell.pass(Span::from_secs(1));
    let second = cell.running(&client, "a1", "t2");
    let backup = cell.store.rows();
    cell.machine("a1").watermark.seq += 1;
    cell.store.roll_back(backup);
    cell.restart();
    let client = cell.again(&client);
    cell.kill(&client, "t1");
    cell.kill(&client, "t2");
    cell.register("a1").unwrap();
    cell.obey("a1");
    assert_eq!(cell.machine("a1").killed, [first, second]);
}

#[test]
fn a_state_that_the_store_has_forgotten_is_taken_from_the_agent() {
    let mut cell = Cell::new();
    cell.agent("a1", "cpus:4;mem:4096");
    let client = cell.framework("f1");
    let id = cell.launched(&client, "a1", "t1", "cpus:1;mem:64");
    let backup = cell.store.rows();
    cell.obey("a1");
    cell.report("a1", id, TaskState::Running);
    let status = cell.update(&client);
    cell.acknowledge(&client, &status);
    cell.obey("a1");
    cell.store.roll_back(backup);
    cell.restart();
    let client = cell.again(&client);
    cell.heard(&client);
    assert_eq!(cell.state(id), TaskState::Staging);
    cell.register("a1").unwrap();
    let status = cell.update(&client);
    assert_eq!((status.state, status.uuid), (TaskState::Running, None));
    cell.restart();
    cell.register("a1").unwrap();
    assert_eq!(cell.machine("a1").reported_all, 1, "both agree from now on");
}

#[test]
fn an_agent_that_was_rolled_back_is_made_to_kill_what_is_history_as_well() {
    let mut cell = Cell::new();
    cell.agent("a1", "cpus:4;mem:4096");
    let client = cell.framework("f1");
    let id = cell.running(&client, "a1", "t1");
    let machine = cell.machine("a1");
    let before = (machine.watermark, machine.held.clone());
    cell.report("a1", id, TaskState::Finished);
    let status = cell.update(&client);
    cell.acknowledge(&client, &status);
    cell.obey("a1");
    assert!(cell.store.task(id).archived);
    let machine = cell.machine("a1");
    (machine.watermark, machine.held) = before;
    cell.register("a1").unwrap();
    cell.obey("a1");
    assert_eq!(cell.machine("a1").killed, [id]);
    cell.report("a1", id, TaskState::Killed);
    cell.obey("a1");
    assert_eq!(cell.machine("a1").held.len(), 0);
    assert_eq!(offered(&mut cell, &client), 1);
}

#[test]
fn an_agent_that_registers_in_the_midst_of_its_purge_has_still_to_confirm_it() {
    let mut cell = Cell::new();
    cell.agent("a1", "cpus:4;mem:4096");
    let client = cell.framework("f1");
    let kept = cell.running(&client, "a1", "kept");
    let before = cell.machine("a1").watermark;
    let lost = cell.running(&client, "a1", "lost");
    let confirmed = cell.machine("a1").watermark;
    cell.machine("a1").held.remove(&lost);
    cell.machine("a1").watermark = before;
    cell.register("a1").unwrap();
    // It applies what it had forgotten, and its session breaks before the kill.
    cell.machine("a1").watermark = confirmed;
    cell.cut("a1");
    cell.register("a1").unwrap();
    assert_eq!(
        cell.state(lost),
        TaskState::Running,
        "not before it has confirmed"
    );
    assert!(held(&cell).unwrap().contains("rolled back"));
    cell.obey("a1");
    assert_eq!(cell.machine("a1").killed, [kept]);
    assert_eq!(cell.state(lost), TaskState::Gone);
    assert_eq!(held(&cell), None);
}

#[test]
fn a_list_that_comes_late_makes_no_rollback() {
    let mut cell = Cell::new();
    cell.agent("a1", "cpus:4;mem:4096");
    let client = cell.framework("f1");
    let ended = cell.running(&client, "a1", "t1");
    // The list is made and lies about in a gateway, while the agent goes on over another one.
    let machine = cell.machine("a1");
    let before = (machine.watermark, machine.held.clone());
    cell.report("a1", ended, TaskState::Finished);
    let status = cell.update(&client);
    cell.acknowledge(&client, &status);
    cell.obey("a1");
    let lives = cell.running(&client, "a1", "t2");
    cell.restart();
    cell.register("a1").unwrap();

    let machine = cell.machine("a1");
    let now = (machine.watermark, machine.held.clone());
    (machine.watermark, machine.held) = before;
    let (session, time) = (cell.new_session(), cell.now);
    cell.say_registration("a1", session, time, true).unwrap();
    (cell.machine("a1").watermark, cell.machine("a1").held) = now;
    cell.pass(Span::from_secs(10));
    cell.obey("a1");
    assert_eq!(cell.machine("a1").killed, []);
    assert_eq!(cell.state(lives), TaskState::Running);
    assert_eq!(cell.alarms(), Vec::<&str>::new());
    assert_eq!(held(&cell), None);
}

#[test]
fn an_agent_that_obeys_a_later_epoch_is_shown_until_the_epochs_are_raised() {
    let mut cell = Cell::new();
    cell.agent("a1", "cpus:4;mem:4096");
    cell.restart();
    let mark = Watermark {
        epoch: Epoch(5000),
        seq: 0,
    };
    cell.machine("a1").watermark = mark;
    for _ in 0..3 {
        cell.register("a1").unwrap();
    }
    assert_eq!(cell.alarms().len(), 1, "said once: {:?}", cell.alarms());
    assert!(held(&cell).unwrap().contains("--epoch-above 5000"));
    cell.machine("a1").watermark.epoch = cell.kernel.epoch();
    cell.register("a1").unwrap();
    assert_eq!(held(&cell), None);
}

#[test]
fn a_number_that_nobody_can_have_given_is_refused() {
    let mut cell = Cell::new();
    cell.agent("a1", "cpus:4;mem:4096");
    cell.machine("a1").watermark.seq = u64::MAX;
    let refused = cell.register("a1").unwrap_err();
    assert!(matches!(refused, Rejection::Watermark { .. }));
}

#[test]
fn an_identity_whose_sessions_follow_too_quickly_is_put_aside_for_a_while() {
    let mut cell = Cell::new();
    cell.agent("a1", "cpus:4;mem:4096");
    let client = cell.framework("f1");
    let most = Config::default().sessions_per_minute;
    for _ in 0..=most {
        assert_eq!(held(&cell), None);
        cell.register("a1").unwrap();
    }
    assert!(held(&cell).unwrap().contains("two machines"));
    let session = cell.machine("a1").session.clone();
    let refused = cell.register("a1").unwrap_err();
    assert!(matches!(refused, Rejection::Flapping(_)), "{refused}");
    cell.machine("a1").session = session;
    cell.register_again("a1").unwrap();
    assert_eq!(
        offered(&mut cell, &client),
        0,
        "the one that it has goes on"
    );
    cell.pass(Span::from_secs(40));
    assert_eq!(offered(&mut cell, &client), 1);
    cell.register("a1").unwrap();
    assert_eq!(cell.alarms().len(), 1);
}

#[test]
fn registrations_in_one_session_are_not_counted() {
    let mut cell = Cell::new();
    cell.agent("a1", "cpus:4;mem:4096");
    for _ in 0..100 {
        cell.register_again("a1").unwrap();
    }
    assert_eq!(held(&cell), None);
}
