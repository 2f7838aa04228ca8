//! Many cells behind one commit, and how they do not hurt each other (rule R11).

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod harness;

use std::collections::BTreeSet;

use harness::{NOW, answered, commit, feed_to, kernel, pipeline_of, rows, submit, withdraw};
use insula_kernel::Input;
use insula_pipeline::{
    Commit, Envelope, InputError, Limits, Occupied, Pipeline, Poisoned, SenderId,
};
use insula_types::CellId;

fn cells(names: &[&str]) -> Vec<CellId> {
    names.iter().map(|name| CellId::from(*name)).collect()
}

fn of(limits: Limits, names: &[&str]) -> Pipeline {
    pipeline_of(&cells(names), limits)
}

fn committed_cells(commit: &Commit) -> Vec<&str> {
    commit.cells.iter().map(|(cell, _)| cell.as_str()).collect()
}

/// Commits everything with a store that refuses what these cells have to say; gives the cells that
/// were committed, and those that were found guilty.
fn commit_all(pipeline: &mut Pipeline, bad: &[&str]) -> (Vec<String>, Vec<String>) {
    let (mut good, mut guilty) = (Vec::new(), Vec::new());
    while let Some(commit) = pipeline.poll_commit() {
        if commit
            .cells
            .iter()
            .any(|(cell, _)| bad.contains(&cell.as_str()))
        {
            let removed = pipeline.commit_refused(commit).unwrap();
            guilty.extend(removed.map(|removed| removed.cell.to_string()));
        } else {
            good.extend(commit.cells.iter().map(|(cell, _)| cell.to_string()));
            pipeline.committed(commit.number()).unwrap();
        }
    }
    (good, guilty)
}

#[test]
fn cells_share_a_commit() {
    let mut pipeline = of(Limits::default(), &["a", "b"]);
    feed_to(&mut pipeline, &"b".into(), submit(1, "t"));
    feed_to(&mut pipeline, &"a".into(), submit(2, "t"));
    let commit = commit(&mut pipeline);
    assert_eq!(committed_cells(&commit), ["a", "b"]);
    let mut answers = answered(&mut pipeline);
    answers.sort_unstable();
    assert_eq!(answers, [1, 2]);
}

#[test]
fn an_effect_says_whose_it_is() {
    let mut pipeline = of(Limits::default(), &["a", "b"]);
    feed_to(&mut pipeline, &"a".into(), submit(1, "t"));
    feed_to(&mut pipeline, &"b".into(), submit(2, "t"));
    commit(&mut pipeline);
    let released = std::iter::from_fn(|| pipeline.poll_release(false));
    let whose: BTreeSet<CellId> = released.map(|released| released.cell).collect();
    assert_eq!(whose, cells(&["a", "b"]).into_iter().collect());
}

#[test]
fn where_no_fence_can_be_lost_a_cell_does_not_wait_for_another() {
    let limits = Limits {
        fence_empty: false,
        ..Limits::default()
    };
    let mut pipeline = of(limits, &["a", "b"]);
    feed_to(&mut pipeline, &"a".into(), submit(1, "t"));
    feed_to(&mut pipeline, &"b".into(), withdraw(2, "unknown"));
    assert_eq!(answered(&mut pipeline), [2]);
    commit(&mut pipeline);
    assert_eq!(answered(&mut pipeline), [1]);
}

#[test]
fn an_unknown_cell_is_an_error_and_moves_no_mark() {
    let mut pipeline = of(Limits::default(), &["a"]);
    let envelope = Envelope {
        cell: "elsewhere".into(),
        sender: Some((SenderId("gateway.1".into()), 1)),
        input: submit(1, "t"),
    };
    assert_eq!(
        pipeline.input(NOW, envelope),
        Err(InputError::CellUnknown("elsewhere".into()))
    );
    assert!(pipeline.marks().is_empty());
    assert_eq!(pipeline.poll_commit(), None);
}

#[test]
fn the_earliest_timer_of_all_cells_is_next() {
    let mut pipeline = of(Limits::default(), &["a", "b"]);
    assert_eq!(pipeline.next_timeout(), None);
    feed_to(&mut pipeline, &"b".into(), harness::register("disk"));
    let (cell, due) = pipeline.next_timeout().unwrap();
    assert_eq!(cell.as_str(), "b");
    let cell = cell.clone();
    pipeline
        .input(due, Envelope::local(cell, Input::Timer))
        .unwrap();
    assert!(pipeline.next_timeout().is_none_or(|(_, next)| next > due));
    pipeline.remove_cell(&"b".into());
    assert_eq!(pipeline.next_timeout(), None);
}

#[test]
fn a_cell_comes_and_goes() {
    let mut pipeline = of(Limits::default(), &["a"]);
    pipeline.add_cell("b".into(), kernel(rows())).unwrap();
    feed_to(&mut pipeline, &"b".into(), submit(1, "t"));
    assert!(pipeline.waits(&"b".into()));
    let occupied = pipeline.add_cell("b".into(), kernel(rows()));
    assert_eq!(occupied, Err(Occupied("b".into())));

    let in_flight = pipeline.poll_commit().unwrap();
    pipeline.remove_cell(&"b".into());
    assert!(pipeline.is_being_committed(&"b".into()));
    let occupied = pipeline.add_cell("b".into(), kernel(rows()));
    assert_eq!(
        occupied,
        Err(Occupied("b".into())),
        "its rows are being written"
    );
    pipeline.committed(in_flight.number()).unwrap();
    assert_eq!(answered(&mut pipeline), [1], "what is committed is true");
    pipeline.add_cell("b".into(), kernel(rows())).unwrap();
}

#[test]
fn the_guilty_cell_alone_is_removed() {
    let names = ["a", "b", "c", "d", "e"];
    for bad in names {
        let mut pipeline = of(Limits::default(), &names);
        for (request, name) in (1..).zip(names) {
            feed_to(&mut pipeline, &name.into(), submit(request, "t"));
        }
        let (good, guilty) = commit_all(&mut pipeline, &[bad]);
        let others: Vec<&str> = names.into_iter().filter(|name| *name != bad).collect();
        assert_eq!(good, others);
        assert_eq!(guilty, [bad]);
        assert_eq!(answered(&mut pipeline).len(), 4);
        assert!(pipeline.kernel(&bad.into()).is_none());
        assert!(pipeline.is_idle() && !pipeline.is_poisoned());
    }
}

#[test]
fn several_cells_may_be_guilty() {
    let names = ["a", "b", "c", "d", "e"];
    let mut pipeline = of(Limits::default(), &names);
    for (request, name) in (1..).zip(names) {
        feed_to(&mut pipeline, &name.into(), submit(request, "t"));
    }
    let (good, guilty) = commit_all(&mut pipeline, &["a", "b", "d"]);
    assert_eq!(good, ["c", "e"]);
    assert_eq!(guilty, ["a", "b", "d"]);
    assert_eq!(answered(&mut pipeline), [3, 5]);
}

#[test]
fn what_is_stepped_while_a_batch_is_divided_comes_after_it() {
    let mut pipeline = of(Limits::default(), &["a", "b"]);
    feed_to(&mut pipeline, &"a".into(), submit(1, "t1"));
    feed_to(&mut pipeline, &"b".into(), submit(2, "t1"));
    let whole = pipeline.poll_commit().unwrap();
    feed_to(&mut pipeline, &"a".into(), submit(3, "t2"));
    feed_to(&mut pipeline, &"b".into(), submit(4, "t2"));
    assert_eq!(pipeline.commit_refused(whole), Ok(None));
    let first = commit(&mut pipeline);
    assert_eq!(committed_cells(&first), ["a"]);
    assert_eq!(answered(&mut pipeline), [1]);
    let second = pipeline.poll_commit().unwrap();
    assert_eq!(committed_cells(&second), ["b"]);
    let removed = pipeline.commit_refused(second).unwrap().unwrap();
    assert_eq!(removed.cell.as_str(), "b");
    let rest = commit(&mut pipeline);
    assert_eq!(
        committed_cells(&rest),
        ["a"],
        "the later step of b went with it"
    );
    assert_eq!(answered(&mut pipeline), [3]);
}

#[test]
fn every_part_stores_the_marks_and_answers_of_others_survive() {
    let mut pipeline = of(Limits::default(), &["a", "b", "c"]);
    let link = SenderId("gateway.1".into());
    let inputs = [submit(1, "t"), submit(2, "t"), withdraw(3, "unknown")];
    for ((seq, input), cell) in (1..).zip(inputs).zip(cells(&["a", "b", "c"])) {
        let sender = Some((link.clone(), seq));
        pipeline
            .input(
                NOW,
                Envelope {
                    cell,
                    sender,
                    input,
                },
            )
            .unwrap();
    }
    let marks = [(link, 3)].into();
    let whole = pipeline.poll_commit().unwrap();
    assert_eq!(whole.marks, marks);
    assert_eq!(pipeline.commit_refused(whole), Ok(None));
    let first = pipeline.poll_commit().unwrap();
    assert_eq!(first.marks, marks);
    assert!(pipeline.commit_refused(first).unwrap().is_some());
    let second = commit(&mut pipeline);
    assert_eq!(committed_cells(&second), ["b"]);
    assert_eq!(second.marks, marks);
    let mut answers = answered(&mut pipeline);
    while pipeline.poll_commit().is_some_and(|commit| {
        pipeline.committed(commit.number()).unwrap();
        true
    }) {}
    answers.extend(answered(&mut pipeline));
    answers.sort_unstable();
    assert_eq!(answers, [2, 3]);
}

#[test]
fn a_refusal_without_records_has_nobody_to_blame() {
    let mut pipeline = of(Limits::default(), &["a"]);
    feed_to(&mut pipeline, &"a".into(), withdraw(1, "unknown"));
    let fence = pipeline.poll_commit().unwrap();
    assert_eq!(pipeline.commit_refused(fence), Err(Poisoned));
    assert!(pipeline.is_poisoned());
}
