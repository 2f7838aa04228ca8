//! Good histories pass; each bad one is found by its rule.

use std::collections::BTreeSet;

use crate::history::{
    Answer, End, Entry, Evidence, Outages, Row, Rows, Seen, Start, State, Violation, violations,
};

fn entry(what: Seen) -> Entry {
    Entry {
        at_us: 0,
        framework: "f".to_owned(),
        what,
    }
}

fn launched(offer: &str, task: &str, answer: Answer) -> Entry {
    entry(Seen::Accepted {
        sent_us: 0,
        offer: offer.to_owned(),
        tasks: vec![task.to_owned()],
        endless: false,
        answer,
    })
}

fn updated(task: &str, state: &str, uuid: Option<&str>) -> Entry {
    entry(Seen::Updated {
        task: task.to_owned(),
        state: State::named(state),
        uuid: uuid.map(ToOwned::to_owned),
        reason: String::new(),
        message: String::new(),
        alive: Some(!State::named(state).is_over()),
    })
}

fn acknowledged(task: &str, uuid: &str) -> Entry {
    entry(Seen::Acknowledged {
        task: task.to_owned(),
        uuid: uuid.to_owned(),
        answer: Answer::Taken,
    })
}

fn start(task: &str, pid: u32) -> Start {
    Start {
        task: task.to_owned(),
        launch: "1.1".to_owned(),
        pid,
    }
}

fn row(task: &str, state: &str) -> Row {
    Row {
        framework: "f-1".to_owned(),
        task: task.to_owned(),
        state: State::named(state),
    }
}

/// One task that ran and ended well, and of which everybody knows everything.
fn good() -> Evidence {
    Evidence {
        entries: vec![
            launched("o1", "t", Answer::Taken),
            updated("t", "TASK_RUNNING", Some("u1")),
            acknowledged("t", "u1"),
            updated("t", "TASK_FINISHED", Some("u2")),
            acknowledged("t", "u2"),
        ],
        starts: vec![start("t", 7)],
        ends: vec![End {
            task: "t".to_owned(),
            launch: "1.1".to_owned(),
        }],
        rows: Rows::All(vec![row("t", "TASK_FINISHED")]),
        alive: BTreeSet::new(),
        outages: Outages::OfOurs,
    }
}

fn rules(evidence: &Evidence) -> Vec<&'static str> {
    let found = violations(evidence);
    found
        .iter()
        .map(|violation: &Violation| violation.rule)
        .collect()
}

#[test]
fn a_task_that_ran_and_ended_is_good() {
    assert_eq!(rules(&good()), [""; 0]);
}

#[test]
fn a_launch_of_unknown_outcome_may_come_to_nothing() {
    let mut evidence = good();
    evidence.entries.push(launched("o2", "v", Answer::Unknown));
    assert_eq!(rules(&evidence), [""; 0]);
}

#[test]
fn an_invalid_offer_makes_a_task_that_is_lost_and_leaves_no_row() {
    let mut evidence = good();
    evidence.entries.push(launched("o1", "v", Answer::Taken));
    evidence.entries.push(updated("v", "TASK_DROPPED", None));
    assert_eq!(rules(&evidence), [""; 0]);
}

#[test]
fn a_second_start_is_found() {
    let mut evidence = good();
    evidence.starts.push(start("t", 8));
    assert_eq!(rules(&evidence), ["a task starts at most once"]);
}

#[test]
fn a_launch_that_vanished_is_found() {
    let mut evidence = good();
    evidence.entries.push(launched("o2", "v", Answer::Taken));
    assert_eq!(
        rules(&evidence),
        [
            "an accepted launch starts, or is reported as lost",
            "an accepted launch is in the database"
        ]
    );
}

#[test]
fn a_refused_launch_that_starts_is_found() {
    let mut evidence = good();
    let refused = Answer::Refused {
        status: 503,
        text: String::new(),
    };
    evidence.entries[0] = launched("o1", "t", refused);
    assert_eq!(
        rules(&evidence),
        [
            "a launch that was refused never starts",
            "a launch that was refused is not in the database"
        ]
    );
}

#[test]
fn an_end_that_was_never_delivered_is_found() {
    let mut evidence = good();
    evidence.entries.truncate(3);
    assert_eq!(
        rules(&evidence),
        ["the end of a task that started is delivered"]
    );
}

#[test]
fn an_acknowledgement_that_is_missing_is_found() {
    let mut evidence = good();
    evidence.entries.truncate(4);
    assert_eq!(
        rules(&evidence),
        ["the last update with a uuid is acknowledged"]
    );
}

#[test]
fn an_end_that_comes_again_after_its_acknowledgement_is_found() {
    let mut evidence = good();
    let mut again = updated("t", "TASK_FINISHED", Some("u2"));
    again.at_us = 1_000;
    evidence.entries.push(again.clone());
    assert_eq!(rules(&evidence), [""; 0], "it was on its way");
    again.at_us = 10_000_000;
    evidence.entries.push(again);
    assert_eq!(
        rules(&evidence),
        ["an end that was acknowledged is not delivered again"]
    );
}

#[test]
fn an_end_that_changes_is_found() {
    let mut evidence = good();
    evidence.entries.insert(3, updated("t", "TASK_LOST", None));
    assert_eq!(rules(&evidence), ["an end never changes"]);
}

#[test]
fn an_offer_that_was_used_twice_is_found() {
    let mut evidence = good();
    evidence.entries.extend([
        launched("o1", "v", Answer::Taken),
        updated("v", "TASK_FINISHED", Some("u3")),
        acknowledged("v", "u3"),
    ]);
    evidence.starts.push(start("v", 8));
    evidence.rows = Rows::All(vec![row("t", "TASK_FINISHED"), row("v", "TASK_FINISHED")]);
    assert_eq!(rules(&evidence), ["an offer is used at most once"]);
}

#[test]
fn a_start_that_is_not_in_the_database_is_found() {
    let mut evidence = good();
    evidence.rows = Rows::All(Vec::new());
    assert_eq!(rules(&evidence), ["an accepted launch is in the database"]);
    evidence.rows = Rows::Unknown;
    assert_eq!(rules(&evidence), [""; 0]);
}

#[test]
fn a_database_that_remembers_another_end_is_found() {
    let mut evidence = good();
    evidence.rows = Rows::All(vec![row("t", "TASK_FAILED")]);
    assert_eq!(
        rules(&evidence),
        ["the database and the framework agree on the end"]
    );
}

#[test]
fn an_end_of_a_task_that_runs_is_found() {
    let mut evidence = good();
    let Seen::Updated { alive, .. } = &mut evidence.entries[3].what else {
        panic!("the fourth entry is the end");
    };
    *alive = Some(true);
    evidence.alive.insert("t".to_owned());
    assert_eq!(
        rules(&evidence),
        [
            "no task is reported as over while its process runs",
            "no process outlives the end of its task"
        ]
    );
}

#[test]
fn an_endless_task_that_ends_unasked_is_found() {
    let mut evidence = good();
    let Seen::Accepted { endless, .. } = &mut evidence.entries[0].what else {
        panic!("the first entry is the launch");
    };
    *endless = true;
    assert_eq!(rules(&evidence), ["a task that nobody killed runs on"]);
    evidence.entries.insert(
        3,
        entry(Seen::Killed {
            task: "t".to_owned(),
            answer: Answer::Taken,
        }),
    );
    assert_eq!(rules(&evidence), [""; 0]);
}

#[test]
fn an_unreachable_task_is_found_unless_agents_were_away() {
    let mut evidence = good();
    evidence
        .entries
        .insert(3, updated("t", "TASK_UNREACHABLE", None));
    assert_eq!(
        rules(&evidence),
        ["nobody is declared unreachable by an outage of the control plane"]
    );
    evidence.outages = Outages::OfAgents;
    assert_eq!(rules(&evidence), [""; 0]);
}

#[test]
fn entries_can_be_written_and_read() {
    for entry in good().entries {
        let text = serde_json::to_string(&entry).unwrap();
        assert_eq!(serde_json::from_str::<Entry>(&text).unwrap(), entry);
    }
}
