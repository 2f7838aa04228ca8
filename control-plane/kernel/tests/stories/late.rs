//! Stories about registrations that come late, over a gateway that was slow (rule R27).

use insula_kernel::Rejection;
use insula_types::Span;

use crate::harness::Cell;

#[test]
fn a_registration_that_a_newer_session_has_overtaken_is_refused() {
    let mut cell = Cell::new();
    cell.agent("a1", "cpus:4;mem:4096");
    let (late, said_at) = (cell.new_session(), cell.now);
    cell.pass(Span::from_secs(2));
    cell.register("a1").unwrap();
    let refused = cell.say_registration("a1", late.clone(), said_at, true);
    assert!(matches!(refused, Err(Rejection::AgentSession { .. })));
    cell.alive("a1");
    assert_eq!(cell.alarms(), [] as [&str; 0]);

    cell.cut("a1");
    let refused = cell.say_registration("a1", late, said_at, true);
    assert!(
        matches!(refused, Err(Rejection::AgentSession { .. })),
        "nor after that session"
    );
}

#[test]
fn an_agent_whose_clock_was_set_back_gets_in_after_a_while() {
    let mut cell = Cell::new();
    cell.agent("a1", "cpus:4;mem:4096");
    let set_back = cell.now;
    cell.pass(Span::from_secs(2));
    cell.register("a1").unwrap();
    cell.cut("a1");
    cell.pass(Span::from_secs(30));
    let session = cell.new_session();
    cell.machine("a1").session = Some(session.clone());
    cell.say_registration("a1", session, set_back, true)
        .unwrap();
}
