//! Stories about a framework that subscribes while a session of it stands (INV-32).

use insula_kernel::Rejection;
use insula_kernel::input::{Call, Cause};
use insula_types::message::{THERE, ToFramework};
use insula_types::{Span, TaskState};

use crate::harness::{Cell, Client, TENANT};

/// A framework that is removed as soon as it goes, with a running task.
fn hasty(cell: &mut Cell) -> (Client, insula_types::LaunchId) {
    cell.agent("a1", "cpus:4;mem:4096");
    let mut info = cell.info(&["*"]);
    info.failover_timeout = Span::ZERO;
    let client = cell.subscribe(TENANT, "f1", info, &[]).unwrap();
    let id = cell.running(&client, "a1", "t1");
    cell.heard(&client);
    (client, id)
}

fn displaced() -> ToFramework {
    ToFramework::Error("Framework failed over".into())
}

#[test]
fn a_subscription_that_lay_at_a_gateway_until_its_connection_was_over_harms_nobody() {
    let mut cell = Cell::new();
    let (standing, id) = hasty(&mut cell);
    cell.allocate();
    let stale = cell.again_unheard(&standing);
    assert_eq!(cell.offers(&standing).len(), 1, "no offer is taken back");
    cell.disconnect(&stale);
    cell.there(&stale);
    assert_eq!(cell.heard(&standing), []);
    assert_eq!(cell.call(&standing, Call::Revive(vec![])), Ok(()));
    assert_eq!(cell.state(id), TaskState::Running);
}

#[test]
fn a_subscription_displaces_nobody_before_its_stream_is_there() {
    let mut cell = Cell::new();
    let (first, _) = hasty(&mut cell);
    let second = cell.again_unheard(&first);
    assert_eq!(cell.heard(&second), [ToFramework::Mark(THERE)]);
    let early = cell.call(&second, Call::Revive(vec![]));
    assert!(matches!(early, Err(Rejection::WrongStream { .. })));
    assert_eq!(cell.call(&first, Call::Revive(vec![])), Ok(()));
    cell.there(&second);
    assert_eq!(cell.heard(&first), [displaced()]);
    let subscribed = ToFramework::Subscribed {
        framework: "f1".into(),
    };
    assert_eq!(cell.heard(&second)[0], subscribed);
    assert_eq!(cell.call(&second, Call::Revive(vec![])), Ok(()));
}

#[test]
fn a_session_that_ends_is_succeeded_at_once() {
    for cause in [Cause::ByPeer, Cause::ByUs] {
        let mut cell = Cell::new();
        let (first, id) = hasty(&mut cell);
        let second = cell.again_unheard(&first);
        cell.part(&first, cause);
        assert_eq!(cell.state(id), TaskState::Running);
        assert_eq!(cell.call(&second, Call::Revive(vec![])), Ok(()));
        cell.heard(&second);
        cell.there(&second);
        assert_eq!(cell.heard(&second), [], "it is subscribed once");
    }
}

#[test]
fn of_several_that_wait_the_newest_stays() {
    let mut cell = Cell::new();
    let (first, _) = hasty(&mut cell);
    let second = cell.again_unheard(&first);
    let third = cell.again_unheard(&first);
    assert_eq!(
        cell.heard(&second),
        [ToFramework::Mark(THERE), displaced()],
        "its stream ends with a sentence"
    );
    cell.there(&second);
    assert_eq!(cell.call(&first, Call::Revive(vec![])), Ok(()));
    cell.there(&third);
    assert_eq!(cell.call(&third, Call::Revive(vec![])), Ok(()));
}

#[test]
fn a_teardown_ends_the_stream_that_waits_as_well() {
    let mut cell = Cell::new();
    let (first, _) = hasty(&mut cell);
    let second = cell.again_unheard(&first);
    cell.call(&first, Call::Teardown).unwrap();
    assert_eq!(cell.heard(&first), [ToFramework::Close]);
    let removed = ToFramework::Error("Framework has been removed".into());
    assert_eq!(cell.heard(&second), [ToFramework::Mark(THERE), removed]);
    cell.there(&second);
    assert_eq!(
        cell.call(&second, Call::Revive(vec![])),
        Err(Rejection::FrameworkUnknown)
    );
}
