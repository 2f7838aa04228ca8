//! What may leave without a commit, and when (rule R3).

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod harness;

use harness::{NOW, call, cell, commit, feed, leaves, pipeline, register, subscribe, timers};
use insula_kernel::input::{Call, Filters};
use insula_kernel::{Effect, Input};
use insula_pipeline::{Envelope, Limits, Pipeline, SenderId};
use insula_types::agent::AgentInfo;
use insula_types::message::{FromAgent, Message, ToFramework};
use insula_types::{OfferId, Resources, Span};

/// A cell with an agent that has something to offer and a framework, all committed and said.
fn settled() -> Pipeline {
    let mut pipeline = pipeline(Limits::default());
    feed(&mut pipeline, subscribe(1, "f"));
    feed(&mut pipeline, with_resources(register("disk")));
    commit(&mut pipeline);
    assert_eq!(
        leaves(&mut pipeline, false),
        ["reply", "subscribed", "to agent"]
    );
    pipeline
}

fn with_resources(input: Input) -> Input {
    let Input::Agent {
        agent,
        session,
        message: FromAgent::Register(mut registration),
    } = input
    else {
        panic!("{input:?}");
    };
    registration.info = AgentInfo {
        resources: Resources::of(4_000, 64_000),
        ..AgentInfo::default()
    };
    Input::Agent {
        agent,
        session,
        message: FromAgent::Register(registration),
    }
}

fn offered(pipeline: &Pipeline) -> Vec<OfferId> {
    let kernel = pipeline.kernel(&cell()).unwrap();
    kernel.offers().map(|offer| offer.id).collect()
}

fn decline(pipeline: &Pipeline) -> Input {
    let filters = Filters {
        refuse: Span::from_secs(60),
    };
    let offers = offered(pipeline);
    call(2, "f", Call::Decline { offers, filters })
}

#[test]
fn offers_leave_on_the_lease() {
    let mut pipeline = settled();
    timers(&mut pipeline, NOW + Span::from_secs(1));
    assert_eq!(leaves(&mut pipeline, true), ["offers"]);
    assert!(pipeline.is_idle(), "and need no commit");
    assert_eq!(pipeline.poll_commit(), None);
}

#[test]
fn offers_wait_for_the_fence_while_the_lease_is_in_doubt() {
    let mut pipeline = settled();
    timers(&mut pipeline, NOW + Span::from_secs(1));
    assert_eq!(leaves(&mut pipeline, false), [] as [&str; 0]);
    let fence = commit(&mut pipeline);
    assert_eq!(fence.cells, []);
    assert_eq!(leaves(&mut pipeline, false), ["offers"]);
}

#[test]
fn offers_never_overtake_their_sessions_subscription() {
    let mut pipeline = pipeline(Limits::default());
    feed(&mut pipeline, with_resources(register("disk")));
    commit(&mut pipeline);
    feed(&mut pipeline, subscribe(1, "f"));
    timers(&mut pipeline, NOW + Span::from_secs(1));
    assert_eq!(offered(&pipeline).len(), 1);
    assert_eq!(leaves(&mut pipeline, true), ["to agent"]);
    commit(&mut pipeline);
    assert_eq!(
        leaves(&mut pipeline, true),
        ["reply", "subscribed", "offers"]
    );
}

#[test]
fn a_decline_is_answered_on_the_lease_though_its_mark_waits() {
    let mut pipeline = settled();
    timers(&mut pipeline, NOW + Span::from_secs(1));
    let link = SenderId("gateway.1".into());
    let envelope = Envelope {
        cell: cell(),
        sender: Some((link.clone(), 1)),
        input: decline(&pipeline),
    };
    pipeline.input(NOW, envelope).unwrap();
    assert_eq!(leaves(&mut pipeline, true), ["offers", "reply"]);
    assert_eq!(commit(&mut pipeline).marks, [(link, 1)].into());
}

#[test]
fn answers_about_anything_else_wait_for_the_fence_and_hold_offers_up() {
    let mut pipeline = settled();
    feed(&mut pipeline, call(2, "f", Call::Reconcile(Vec::new())));
    timers(&mut pipeline, NOW + Span::from_secs(1));
    assert_eq!(offered(&pipeline).len(), 1);
    assert_eq!(leaves(&mut pipeline, true), [] as [&str; 0]);
    commit(&mut pipeline);
    assert_eq!(leaves(&mut pipeline, true), ["reply", "offers"]);
}

#[test]
fn what_was_not_polled_keeps_its_place() {
    let mut pipeline = settled();
    timers(&mut pipeline, NOW + Span::from_secs(1));
    feed(&mut pipeline, call(2, "f", Call::Reconcile(Vec::new())));
    commit(&mut pipeline);
    assert_eq!(leaves(&mut pipeline, true), ["offers", "reply"]);
}

#[test]
fn nothing_leaves_on_the_lease_of_a_pipeline_that_failed() {
    let mut pipeline = settled();
    timers(&mut pipeline, NOW + Span::from_secs(1));
    pipeline.commit_failed();
    assert_eq!(leaves(&mut pipeline, true), [] as [&str; 0]);
}

#[test]
fn a_kernel_that_takes_anothers_place_makes_other_offers() {
    let mut pipeline = settled();
    timers(&mut pipeline, NOW + Span::from_secs(1));
    let before = offered(&pipeline);
    let rows = pipeline.kernel(&cell()).unwrap().rows();
    let removed = pipeline.remove_cell(&cell());
    let mut kernel = harness::kernel(rows);
    kernel.resume(removed.numbering.unwrap());
    pipeline.add_cell(cell(), kernel).unwrap();
    assert_eq!(
        leaves(&mut pipeline, true),
        [] as [&str; 0],
        "the first offer"
    );
    feed(&mut pipeline, subscribe(3, "f"));
    feed(&mut pipeline, with_resources(register("disk")));
    timers(&mut pipeline, NOW + Span::from_secs(2));
    let after = offered(&pipeline);
    assert_eq!((before.len(), after.len()), (1, 1));
    assert_ne!(before, after);
    commit(&mut pipeline);
    let released: Vec<_> = std::iter::from_fn(|| pipeline.poll_release(true)).collect();
    let offers = released.iter().filter(|released| {
        let Effect::Send(_, _, Message::ToFramework(message)) = &released.effect else {
            return false;
        };
        matches!(message, ToFramework::Offers(_))
    });
    assert_eq!(offers.count(), 1);
}
