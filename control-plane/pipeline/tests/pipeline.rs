//! The rules of the pipeline, each with a failure at each point, against a real kernel and a model of
//! the store's head.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod harness;

use harness::{NOW, answered, cell, commit, feed, pipeline, records, register, submit, withdraw};
use insula_kernel::{Config, Effect, Kernel, Outcome, Rejection};
use insula_pipeline::{
    Envelope, InputError, Limits, Marks, Pipeline, Poisoned, Released, SenderId,
};
use insula_types::event::EventKind;
use insula_types::message::{Message, Peer, ToAgent};
use insula_types::record::Record;
use insula_types::{Epoch, RequestId};

#[test]
fn nothing_leaves_before_its_commit() {
    let mut pipeline = pipeline(Limits::default());
    feed(&mut pipeline, submit(1, "t1"));
    assert_eq!(answered(&mut pipeline), []);
    let commit = pipeline.poll_commit().unwrap();
    assert_eq!(commit.expected, 10);
    assert_eq!(answered(&mut pipeline), []);
    pipeline.committed(11).unwrap();
    let released: Vec<Released> = std::iter::from_fn(|| pipeline.poll_release(false)).collect();
    assert!(released.iter().all(|released| released.commit_no == 11));
    assert!(
        released
            .iter()
            .all(|released| !matches!(released.effect, Effect::Persist(_)))
    );
    assert_eq!(released.len(), 2, "the event and the reply");
    assert!(pipeline.is_idle());
}

#[test]
fn one_commit_is_in_flight_and_what_comes_meanwhile_is_the_next() {
    let mut pipeline = pipeline(Limits::default());
    feed(&mut pipeline, submit(1, "t1"));
    let first = pipeline.poll_commit().unwrap();
    feed(&mut pipeline, submit(2, "t2"));
    feed(&mut pipeline, submit(3, "t3"));
    assert_eq!(pipeline.poll_commit(), None);
    pipeline.committed(first.number()).unwrap();
    assert_eq!(answered(&mut pipeline), [1]);
    let second = commit(&mut pipeline);
    assert_eq!(second.expected, first.number());
    assert_eq!(answered(&mut pipeline), [2, 3], "in step order");
}

#[test]
fn a_reply_that_persists_nothing_waits_for_what_came_before_it() {
    for fence_empty in [true, false] {
        let mut pipeline = pipeline(Limits {
            fence_empty,
            ..Limits::default()
        });
        feed(&mut pipeline, submit(1, "t1"));
        let first = pipeline.poll_commit().unwrap();
        feed(&mut pipeline, withdraw(2, "unknown"));
        assert_eq!(answered(&mut pipeline), []);
        pipeline.committed(first.number()).unwrap();
        if fence_empty {
            assert_eq!(answered(&mut pipeline), [1]);
            let fence = commit(&mut pipeline);
            assert_eq!(fence.cells, [], "the fence alone");
            assert_eq!(answered(&mut pipeline), [2]);
        } else {
            assert_eq!(answered(&mut pipeline), [1, 2]);
            assert_eq!(pipeline.poll_commit(), None);
        }
    }
}

#[test]
fn where_no_fence_can_be_lost_an_empty_batch_leaves_at_once() {
    let mut pipeline = pipeline(Limits {
        fence_empty: false,
        ..Limits::default()
    });
    feed(&mut pipeline, withdraw(1, "unknown"));
    assert_eq!(answered(&mut pipeline), [1]);
    assert!(pipeline.is_idle());
}

#[test]
fn a_refusal_is_an_answer() {
    let mut pipeline = pipeline(Limits {
        fence_empty: false,
        ..Limits::default()
    });
    feed(&mut pipeline, withdraw(1, "unknown"));
    let released = pipeline.poll_release(false).unwrap();
    let refused = Outcome::Refused(Rejection::TaskUnknown("unknown".into()));
    assert_eq!(released.effect, Effect::Reply(RequestId(1), refused));
    let released = pipeline.poll_release(false).unwrap();
    let Effect::Publish(event) = released.effect else {
        panic!("{released:?}");
    };
    let EventKind::CallRefused {
        call,
        task,
        sentence,
        ..
    } = event.kind
    else {
        panic!("{event:?}");
    };
    assert_eq!((call, task), ("withdraw", Some("unknown".into())));
    assert!(sentence.contains("no task 'unknown'"), "{sentence}");
}

#[test]
fn an_agent_that_is_refused_is_told_to_begin_anew() {
    let mut pipeline = pipeline(Limits {
        fence_empty: false,
        ..Limits::default()
    });
    feed(&mut pipeline, register("disk"));
    commit(&mut pipeline);
    while pipeline.poll_release(false).is_some() {}
    feed(&mut pipeline, register("a clone"));
    let released = pipeline.poll_release(false).unwrap();
    let Effect::Send(
        Peer::Agent { session, .. },
        _,
        Message::ToAgent(ToAgent::Disconnect { reason }),
    ) = released.effect
    else {
        panic!("{released:?}");
    };
    assert_eq!(session.as_str(), "s1");
    assert!(reason.contains("work directory"), "{reason}");
}

#[test]
fn after_a_failed_commit_nothing_uncommitted_leaves_and_nothing_goes_in() {
    let mut pipeline = pipeline(Limits::default());
    feed(&mut pipeline, submit(1, "t1"));
    commit(&mut pipeline);
    feed(&mut pipeline, submit(2, "t2"));
    pipeline.poll_commit().unwrap();
    feed(&mut pipeline, submit(3, "t3"));
    pipeline.commit_failed();
    assert_eq!(answered(&mut pipeline), [1], "what is committed is true");
    let late = Envelope::local(cell(), submit(4, "t4"));
    assert_eq!(
        pipeline.input(NOW, late),
        Err(InputError::Poisoned(Poisoned))
    );
    assert_eq!(pipeline.poll_commit(), None);
    assert!(pipeline.is_poisoned());
    assert_eq!(pipeline.commit_no(), 11);
}

#[test]
fn a_commit_that_is_not_in_flight_poisons() {
    let mut late = pipeline(Limits::default());
    assert_eq!(late.committed(11), Err(Poisoned), "nothing is in flight");
    let mut wrong = pipeline(Limits::default());
    feed(&mut wrong, submit(1, "t1"));
    wrong.poll_commit().unwrap();
    assert_eq!(
        wrong.committed(12),
        Err(Poisoned),
        "somebody else moved the head"
    );
    assert_eq!(answered(&mut wrong), []);
}

#[test]
fn an_input_is_applied_once_per_sender() {
    let mut pipeline = pipeline(Limits::default());
    let gateway = SenderId("gateway-1".into());
    let from = |sender: &SenderId, seq, input| Envelope {
        cell: cell(),
        sender: Some((sender.clone(), seq)),
        input,
    };
    pipeline
        .input(NOW, from(&gateway, 1, submit(1, "t1")))
        .unwrap();
    pipeline
        .input(NOW, from(&gateway, 1, submit(1, "t1")))
        .unwrap();
    pipeline
        .input(NOW, from(&gateway, 2, submit(2, "t2")))
        .unwrap();
    pipeline
        .input(NOW, from(&gateway, 1, submit(1, "t1")))
        .unwrap();
    let other = SenderId("gateway-2".into());
    pipeline
        .input(NOW, from(&other, 1, submit(3, "t3")))
        .unwrap();
    let commit = commit(&mut pipeline);
    assert_eq!(commit.marks, Marks::from([(gateway, 2), (other, 1)]));
    assert_eq!(answered(&mut pipeline), [1, 2, 3]);
}

#[test]
fn a_new_owner_ignores_what_the_stored_marks_cover() {
    let gateway = SenderId("gateway-1".into());
    let kernel_of = pipeline(Limits::default());
    let rows = kernel_of.kernel(&cell()).unwrap().rows();
    let kernel = Kernel::load(Config::default(), Epoch(2), NOW, rows);
    let marks = Marks::from([(gateway.clone(), 7)]);
    let cells = [(cell(), kernel)].into();
    let mut pipeline = Pipeline::new(cells, 20, marks, Limits::default());
    let again = Envelope {
        cell: cell(),
        sender: Some((gateway.clone(), 7)),
        input: submit(1, "t1"),
    };
    pipeline.input(NOW, again).unwrap();
    assert_eq!(pipeline.poll_commit(), None);
    let next = Envelope {
        cell: cell(),
        sender: Some((gateway, 8)),
        input: submit(2, "t2"),
    };
    pipeline.input(NOW, next).unwrap();
    assert_eq!(
        records(&commit(&mut pipeline)).len(),
        2,
        "the request and the time"
    );
}

#[test]
fn a_mark_alone_is_worth_a_commit() {
    let mut pipeline = pipeline(Limits {
        fence_empty: false,
        ..Limits::default()
    });
    let gateway = SenderId("gateway-1".into());
    let input = withdraw(1, "unknown");
    pipeline
        .input(
            NOW,
            Envelope {
                cell: cell(),
                sender: Some((gateway, 1)),
                input,
            },
        )
        .unwrap();
    assert_eq!(answered(&mut pipeline), []);
    assert_eq!(commit(&mut pipeline).cells, []);
    assert_eq!(answered(&mut pipeline), [1]);
}

#[test]
fn a_row_is_written_once_per_commit_and_after_what_it_refers_to() {
    let mut pipeline = pipeline(Limits::default());
    feed(&mut pipeline, submit(1, "t1"));
    feed(&mut pipeline, register("disk"));
    feed(&mut pipeline, register("disk"));
    feed(&mut pipeline, submit(2, "t2"));
    feed(&mut pipeline, withdraw(3, "t2"));
    let commit = commit(&mut pipeline);
    let kinds: Vec<&str> = records(&commit).iter().map(kind).collect();
    assert_eq!(kinds, ["cell", "agent", "request", "withdrawn"]);
}

fn kind(record: &Record) -> &'static str {
    match record {
        Record::Cell(_) => "cell",
        Record::Agent(_) => "agent",
        Record::AgentConfirmed(..) => "confirmed",
        Record::Role(_) => "role",
        Record::Framework(_) => "framework",
        Record::Task(_) => "task",
        Record::Payload(..) => "payload",
        Record::Request(row) if row.withdrawn_at.is_some() => "withdrawn",
        Record::Request(_) => "request",
        Record::RequestDone(..) => "done",
    }
}

#[test]
fn how_far_the_kernel_runs_ahead_is_bounded() {
    let mut pipeline = pipeline(Limits {
        effects_max: 6,
        fence_empty: true,
    });
    let mut fed = 0;
    while !pipeline.is_full() {
        fed += 1;
        feed(&mut pipeline, submit(fed, &format!("t{fed}")));
        assert!(fed < 10);
    }
    commit(&mut pipeline);
    assert!(!pipeline.is_full());
}
