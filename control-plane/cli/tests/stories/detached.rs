use crate::support::{Place, until};

#[test]
fn a_detached_task_is_found_again() {
    let place = Place::new();
    let dev = place.dev(&[]);
    let line = "echo begun; trap 'echo bye; exit 0' TERM; while :; do sleep 0.05; done";
    let id = dev.submit(&["--name", "web", "--", "sh", "-c", line]);
    assert!(id.starts_with("web-"), "{id}");
    let follower = dev.insula(&["logs", "-f", &id]).spawn();
    let waiter = dev.insula(&["wait", &id]).spawn();
    follower.until_printed("begun\n");

    dev.until_state(&id, "TASK_RUNNING");
    let table = dev.ok(&["ps"]);
    let (header, rows) = table.split_once('\n').unwrap();
    assert!(header.starts_with("ID "), "{table}");
    assert!(
        rows.contains(&id) && rows.contains("native  running"),
        "{table}"
    );
    assert_eq!(dev.ok(&["ps", "no-such-prefix"]).lines().count(), 1);
    assert!(dev.ok(&["why", &id]).contains("TASK_RUNNING"));
    assert_eq!(dev.json(&["why", &id])["id"], id.as_str());
    assert_eq!(dev.ok(&["logs", "--tail", "3", &id]), "un\n");

    let killed = dev.insula(&["kill", "--grace", "30", &id]).run();
    assert_eq!(killed.stderr, format!("killing {id}\n"));
    assert_eq!(killed.ok(), "");
    assert_eq!(follower.wait().ok(), "begun\nbye\n");
    let waited = waiter.wait();
    assert_eq!(waited.stdout, format!("{id} TASK_KILLED\n"));
    assert_eq!(dev.task(&id)["state"], "TASK_KILLED");
    assert_eq!(dev.ok(&["ps"]).lines().count(), 1);

    let said = dev.insula(&["kill", &id]).run().refused(1);
    assert!(
        said.contains("is over already: it is TASK_KILLED"),
        "{said}"
    );
    let events = dev.ok(&["events"]);
    let of_it: Vec<&str> = events.lines().filter(|line| line.contains(&id)).collect();
    assert!(of_it[0].contains("task_submitted"), "{events}");
    assert!(of_it.last().unwrap().contains("TASK_KILLED"), "{events}");
}

#[test]
fn standard_error_is_kept_apart() {
    let place = Place::new();
    let dev = place.dev(&[]);
    let id = dev.submit(&["--", "sh", "-c", "echo out; echo err >&2; exit 9"]);
    let waited = dev.insula(&["wait", "--json", &id]).run();
    assert_eq!(waited.code, Some(9));
    let task: serde_json::Value = serde_json::from_str(&waited.stdout).unwrap();
    assert_eq!(task["exit"]["code"], 9);
    let both = dev.insula(&["logs", &id]).run();
    assert_eq!(
        (both.stdout.as_str(), both.stderr.as_str()),
        ("out\n", "err\n")
    );
    let only = dev.insula(&["logs", "--stderr", &id]).run();
    assert_eq!((only.stdout.as_str(), only.stderr.as_str()), ("err\n", ""));

    let other = dev.submit(&["--", "true"]);
    let all = dev.insula(&["wait", &other, &id]).run();
    assert_eq!(all.code, Some(9));
    assert_eq!(
        all.stdout,
        format!("{other} TASK_FINISHED\n{id} TASK_FAILED\n")
    );
}

#[test]
fn a_task_that_waits_says_what_for_and_can_be_taken_back() {
    let place = Place::new();
    let dev = place.dev(&["--resources", "cpus:2;mem:512"]);
    let id = dev.submit(&["--cpus", "99", "--", "true"]);
    assert_eq!(
        dev.ok(&["why", &id]),
        "no agent is large enough: needs 99 cpus, the largest has 2\n"
    );
    assert!(dev.ok(&["ps"]).contains("waiting"));
    let said = dev.insula(&["logs", &id]).run().refused(1);
    assert!(said.contains("has not started yet"), "{said}");
    dev.ok(&["kill", &id]);
    let waited = dev.insula(&["wait", &id]).run();
    assert_eq!(
        (waited.code, waited.stdout),
        (Some(125), format!("{id} TASK_KILLED\n"))
    );

    let elsewhere = dev
        .insula(&["run", "--where", "rack=a7", "--", "true"])
        .spawn();
    elsewhere.until_said("waits: no connected agent has the attribute rack=a7");
    elsewhere.signal("INT");
    assert_eq!(elsewhere.wait().code, Some(125));

    // Two that need all of it run one after the other.
    let first = dev.submit(&["--cpus", "2", "--", "sleep", "1000"]);
    dev.until_state(&first, "TASK_RUNNING");
    let second = dev.submit(&["--cpus", "2", "--", "echo", "at last"]);
    let why = until("a reason", || {
        let why = dev.ok(&["why", &second]);
        (!why.is_empty()).then_some(why)
    });
    assert!(why.contains("cpus"), "{why}");
    dev.ok(&["kill", &first]);
    assert_eq!(dev.ok(&["logs", "-f", &second]), "at last\n");
}
