//! Where a task's time went, as people see it.

use std::fs;

use serde_json::Value;

use crate::support::{Place, until};

/// The names of a start's steps.
fn steps(start: &Value) -> Vec<&str> {
    let steps = start["steps"].as_array().unwrap();
    steps
        .iter()
        .map(|step| step["name"].as_str().unwrap())
        .collect()
}

/// Each step begins where the one before ended.
fn assert_whole(start: &Value) {
    for pair in start["steps"].as_array().unwrap().windows(2) {
        assert_eq!(pair[0]["until"], pair[1]["from"], "{start}");
    }
}

#[test]
fn a_task_is_followed_from_its_submission_to_its_acknowledgement() {
    let place = Place::new();
    let dev = place.dev(&[]);
    let id = dev.submit(&["--", "sh", "-c", "exit 3"]);
    assert_eq!(dev.insula(&["wait", &id]).run().code, Some(3));
    let trace = until("the acknowledgement", || {
        let trace = dev.json(&["trace", &id]);
        let last = trace["starts"][0]["steps"]
            .as_array()
            .unwrap()
            .last()
            .cloned();
        last.is_some_and(|last| last["name"] == "acknowledgement" && last["until"].is_u64())
            .then_some(trace)
    });
    let start = &trace["starts"][0];
    let expected = [
        "waiting for an offer",
        "launch under way",
        "starting",
        "running",
        "end under way",
        "acknowledgement",
    ];
    assert_eq!(steps(start), expected);
    assert_whole(start);
    assert_eq!(start["steps"][3]["status"], "failed");
    assert_eq!(start["trace_id"], dev.task(&id)["trace_id"]);

    let drawn = dev
        .insula(&["trace", &id])
        .env("LANG", "C.UTF-8")
        .env("LC_ALL", "")
        .run()
        .ok();
    assert!(
        drawn.starts_with(&format!("{id}  failed, exit code 3, ")),
        "{drawn}"
    );
    assert!(
        drawn.contains("\nrunning ") && drawn.contains('✗'),
        "{drawn}"
    );
    let header = drawn.lines().find(|line| line.starts_with("STEP")).unwrap();
    assert_eq!(header.chars().count(), 100, "{drawn}");
    assert!(
        dev.insula(&["trace", &id])
            .env("LC_ALL", "C")
            .run()
            .ok()
            .is_ascii()
    );

    let page = place.path().join("trace.html");
    let page = page.to_str().unwrap();
    dev.ok(&["trace", &id, "--web", page]);
    let written = fs::read_to_string(page).unwrap();
    assert!(written.starts_with("<!doctype html>") && written.contains(&id));
    assert_eq!(dev.ok(&["trace", &id, "--web", "-"]), written);
}

#[test]
fn each_start_of_a_task_is_told() {
    let place = Place::new();
    let dev = place.dev(&[]);
    let id = dev.submit(&["--retries", "1", "--", "false"]);
    assert_eq!(dev.insula(&["wait", &id]).run().code, Some(1));
    let trace = dev.json(&["trace", &id]);
    let starts = trace["starts"].as_array().unwrap();
    assert_eq!(starts.len(), 2, "{trace}");
    assert_ne!(starts[0]["trace_id"], starts[1]["trace_id"]);
    assert_eq!(starts[1]["first"]["trace_id"], starts[0]["trace_id"]);
    for start in starts {
        assert_whole(start);
    }
    let second = dev.json(&["trace", &id, "--attempt", "1"]);
    assert_eq!(second["starts"].as_array().unwrap().len(), 1);
    assert_eq!(second["starts"][0]["attempt"], 1);
    let said = dev
        .insula(&["trace", &id, "--attempt", "2"])
        .run()
        .refused(1);
    assert!(
        said.contains(&format!("there is no start number 2 of task '{id}'")),
        "{said}"
    );
}

#[test]
fn a_task_that_waits_shows_for_what() {
    let place = Place::new();
    let dev = place.dev(&[]);
    let id = dev.submit(&["--cpus", "99", "--", "true"]);
    let drawn = dev
        .insula(&["trace", &id])
        .env("LC_ALL", "C.UTF-8")
        .run()
        .ok();
    assert!(drawn.starts_with(&format!("{id}  waiting, ")), "{drawn}");
    assert!(drawn.contains("━…"), "{drawn}");
    let why = dev.ok(&["why", &id]);
    let reason = format!("… waiting for an offer: {}", why.lines().next().unwrap());
    assert!(drawn.contains(&reason), "{drawn}{why}");
}

#[test]
fn what_cannot_be_traced_is_said() {
    let place = Place::new();
    let dev = place.dev(&[]);
    let said = dev.insula(&["trace", "nobody"]).run().refused(1);
    assert!(
        said.starts_with("error: there is no task 'nobody'\n"),
        "{said}"
    );
    let said = dev
        .insula(&["--json", "trace", "x", "--web", "-"])
        .run()
        .refused(2);
    assert!(said.contains("two forms of one answer"), "{said}");
}
