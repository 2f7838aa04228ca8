//! Stories about numbered commands: applied once and in order, whatever is lost.

use insula_types::message::{Command, CommandBody, ToAgent};
use insula_types::{Span, TaskState};

use crate::harness::{Cell, launch};

impl Cell {
    /// The commands that the machine has received and not yet taken.
    fn commands(&mut self, id: &str) -> Vec<Command> {
        let received = self.machine(id).received.iter();
        let commands = received.filter_map(|message| match message {
            ToAgent::Command(command) => Some(command.clone()),
            _ => None,
        });
        commands.collect()
    }
}

#[test]
fn what_was_lost_on_the_way_is_sent_again_in_order() {
    let mut cell = Cell::new();
    cell.agent("a1", "cpus:4;mem:4096");
    let client = cell.framework("f1");
    let id = cell.launched(&client, "a1", "t1", "cpus:1;mem:64");
    cell.kill(&client, "t1");
    cell.cut("a1");
    cell.register("a1").unwrap();
    let commands = cell.commands("a1");
    assert_eq!(
        commands
            .iter()
            .map(|command| command.seq)
            .collect::<Vec<_>>(),
        [1, 2]
    );
    assert!(
        matches!(commands[0].body, CommandBody::Launch(_)),
        "a kill cannot overtake its launch"
    );
    assert_eq!(
        commands[1].body,
        CommandBody::Kill {
            launch: id,
            grace: None
        }
    );
    cell.obey("a1");
    cell.cut("a1");
    cell.register("a1").unwrap();
    assert_eq!(
        cell.commands("a1"),
        [],
        "what was applied is not sent again"
    );
    assert_eq!(cell.machine("a1").started, [id]);
}

#[test]
fn a_repeated_kill_replaces_the_earlier_one() {
    let mut cell = Cell::new();
    cell.agent("a1", "cpus:4;mem:4096");
    let client = cell.framework("f1");
    let id = cell.launched(&client, "a1", "t1", "cpus:1;mem:64");
    cell.kill(&client, "t1");
    cell.kill(&client, "t1");
    assert_eq!(cell.commands("a1").len(), 3, "each kill is forwarded");
    cell.cut("a1");
    cell.register("a1").unwrap();
    let commands = cell.commands("a1");
    assert_eq!(commands[1].body, CommandBody::Noop);
    assert_eq!(
        commands[2].body,
        CommandBody::Kill {
            launch: id,
            grace: None
        }
    );
}

#[test]
fn a_kill_is_remembered_for_an_agent_that_is_away() {
    let mut cell = Cell::new();
    cell.agent("a1", "cpus:4;mem:4096");
    let client = cell.framework("f1");
    let id = cell.running(&client, "a1", "t1");
    cell.cut("a1");
    cell.kill(&client, "t1");
    cell.register("a1").unwrap();
    cell.obey("a1");
    assert_eq!(cell.machine("a1").killed, [id]);
}

#[test]
fn commands_survive_the_owner() {
    let mut cell = Cell::new();
    cell.agent("a1", "cpus:4;mem:4096");
    let client = cell.framework("f1");
    let id = cell.launched(&client, "a1", "t1", "cpus:1;mem:64");
    cell.restart();
    cell.register("a1").unwrap();
    cell.obey("a1");
    assert_eq!(cell.machine("a1").started, [id]);
    let client = cell.again(&client);
    cell.heard(&client);
    cell.report("a1", id, TaskState::Finished);
    let status = cell.update(&client);
    cell.acknowledge(&client, &status);
    cell.restart();
    cell.register("a1").unwrap();
    cell.obey("a1");
    assert!(cell.store.task(id).archived);
}

#[test]
fn a_kill_survives_the_owner() {
    let mut cell = Cell::new();
    cell.agent("a1", "cpus:4;mem:4096");
    let client = cell.framework("f1");
    let id = cell.running(&client, "a1", "t1");
    cell.cut("a1");
    cell.kill(&client, "t1");
    cell.restart();
    cell.register("a1").unwrap();
    cell.obey("a1");
    assert_eq!(cell.machine("a1").killed, [id]);
}

#[test]
fn the_numbers_of_history_are_not_given_out_again() {
    let mut cell = Cell::new();
    cell.agent("a1", "cpus:4;mem:4096");
    let client = cell.framework("f1");
    let id = cell.running(&client, "a1", "t1");
    cell.report("a1", id, TaskState::Finished);
    let status = cell.update(&client);
    cell.acknowledge(&client, &status);
    cell.obey("a1");
    cell.restart();
    cell.register("a1").unwrap();
    let client = cell.again(&client);
    cell.heard(&client);
    let id = cell.launched(&client, "a1", "t2", "cpus:1;mem:64");
    assert_eq!(cell.store.task(id).launch_seq, 3);
    cell.obey("a1");
    assert_eq!(cell.alarms(), Vec::<&str>::new());
}

#[test]
fn confirmations_are_persisted_only_with_something_else() {
    let mut cell = Cell::new();
    cell.agent("a1", "cpus:4;mem:4096");
    let client = cell.framework("f1");
    let id = cell.launched(&client, "a1", "t1", "cpus:1;mem:64");
    cell.obey("a1");
    assert_eq!(cell.store.agent("a1").confirmed, 0);
    cell.report("a1", id, TaskState::Running);
    assert_eq!(cell.store.agent("a1").confirmed, 1);
}

#[test]
fn commands_carry_the_agents_clock_as_last_heard() {
    let mut cell = Cell::new();
    cell.agent("a1", "cpus:4;mem:4096");
    let client = cell.framework("f1");
    cell.pass(Span::from_secs(3));
    let heard = cell.now;
    cell.beat();
    cell.allocate();
    let offers = cell.offers(&client);
    cell.accept(&client, &offers, vec![launch("t1", "a1", "cpus:1")]);
    let echoed = cell.commands("a1")[0].agent_clock;
    assert!(echoed >= heard, "{echoed:?} {heard:?}");
}
