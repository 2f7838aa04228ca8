//! Waiting for any child, and for the orphans below it. Alone in its program, since it takes every child's status.

#![allow(clippy::unwrap_used)]

use std::time::{Duration, Instant};

use insula_isolation::process::{self, Exit, Identity, Reaped, Tree};
use insula_isolation::spawn::Command;

const DEADLINE: Duration = Duration::from_secs(20);

fn next_child() -> Reaped {
    let deadline = Instant::now() + DEADLINE;
    loop {
        if let Some(reaped) = process::reap().unwrap() {
            return reaped;
        }
        assert!(Instant::now() < deadline, "no child ended");
        std::thread::yield_now();
    }
}

#[test]
fn orphans_come_to_the_subreaper_and_the_tree_finds_those_that_left() {
    process::become_subreaper().unwrap();
    assert_eq!(process::reap().unwrap(), None);

    // The leader ends at once; one daemon left its session and its parent, another stayed in the session.
    let script = "(setsid sleep 1000 &) ; (sleep 1000 &) ; exit 5";
    let mut command = Command::new(["/bin/sh", "-c", script]);
    command.new_session = true;
    command.env = vec![
        ("PATH".into(), "/usr/bin:/bin".into()),
        ("INSULA_TEST_TREE".into(), "reap".into()),
    ];
    let child = command.start().unwrap();
    let leader = Identity::of(child.pid()).unwrap().unwrap();
    let mut tree = Tree::new(Some(leader), "INSULA_TEST_TREE=reap");

    let mut leader_exit = None;
    while leader_exit.is_none() {
        let reaped = next_child();
        if reaped.pid == child.pid() {
            leader_exit = Some(reaped);
        }
    }
    let leader_exit = leader_exit.unwrap();
    assert_eq!(leader_exit.exit, Exit::Code(5));
    assert!(leader_exit.memory_peak_bytes > 0);

    let deadline = Instant::now() + DEADLINE;
    while !tree.clear() {
        assert!(Instant::now() < deadline, "the tree is not cleared");
        std::thread::yield_now();
    }
    let ends = (next_child().exit, next_child().exit);
    assert_eq!(ends, (Exit::Signal(9), Exit::Signal(9)));
    assert_eq!(tree.kill(), 0);
}
