use serde_json::Value;

use crate::support::{Insula, Place};

#[test]
fn the_cluster_is_shown_to_people_and_to_programs() {
    let place = Place::new();
    let dev = place.dev(&["--resources", "cpus:2;mem:512;ports:[31000-31009]"]);
    let agents = dev.json(&["agents"]);
    let agent = &agents[0];
    assert_eq!(agent["state"], "connected");
    assert_eq!(agent["total"], "cpus:2;mem:512;ports:[31000-31009]");
    assert_eq!(agent["wasm"], true);
    let shown = dev.insula(&["agents"]).run();
    assert!(shown.stdout.starts_with("ID "), "{shown:?}");
    assert!(shown.stdout.contains("native, wasm"), "{shown:?}");
    // Limits that the machine does not enforce are named, with the reason.
    for (limit, reason) in agent["unenforced"].as_object().unwrap() {
        let note = format!("{limit} is not enforced: {}", reason.as_str().unwrap());
        assert!(shown.stderr.contains(&note), "{shown:?}");
    }

    // The built-in framework appears with its first task.
    dev.ok(&["run", "--", "true"]);
    let frameworks = dev.json(&["frameworks"]);
    assert_eq!(
        (&frameworks[0]["id"], &frameworks[0]["state"]),
        (&"insula".into(), &"built in".into())
    );
    assert!(dev.ok(&["frameworks"]).contains("built in"));
    assert_eq!(dev.json(&["offers"]), Value::Array(Vec::new()));
    assert!(dev.ok(&["offers"]).starts_with("ID "));

    let version = env!("CARGO_PKG_VERSION");
    assert_eq!(dev.json(&["version"])["server"]["version"], version);
    let shown = dev.ok(&["version"]);
    assert!(
        shown.contains(&format!("control plane  {version} ")),
        "{shown}"
    );
    assert!(shown.contains(dev.url()), "{shown}");
}

#[test]
fn events_are_told_as_they_happen() {
    let place = Place::new();
    let dev = place.dev(&[]);
    let follower = dev
        .insula(&["events", "--follow", "--tail", "0", "--json"])
        .spawn();
    let lines = || dev.ok(&["run", "--name", "seen", "--", "true"]);
    lines();
    follower.until_printed("TASK_FINISHED");
    // It ends with the control plane, not before.
    assert_eq!(dev.stop(), Some(0));
    let followed = follower.wait();
    let events = followed
        .stdout
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap());
    let names: Vec<String> = events
        .filter(|event| {
            event["task"]
                .as_str()
                .is_some_and(|task| task.starts_with("seen-"))
        })
        .map(|event| event["event"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(
        names,
        [
            "task_submitted",
            "task_launched",
            "task_updated",
            "task_updated"
        ]
    );
}

#[test]
fn the_help_is_grouped_and_every_command_has_one() {
    let help = Insula::new(&["--help"]).run().ok();
    let order = [
        "Tasks:\n  run ",
        "Cluster:\n  agents ",
        "Machines:\n  dev ",
        "Insula itself:\n",
    ];
    let places: Vec<usize> = order
        .iter()
        .map(|title| help.find(title).unwrap())
        .collect();
    assert!(places.is_sorted(), "{help}");
    assert!(
        !help.contains("shepherd") && !help.contains('\u{1b}'),
        "{help}"
    );
    for name in [
        "dev", "agent", "run", "ps", "logs", "kill", "wait", "why", "events", "token",
    ] {
        let help = Insula::new(&[name, "--help"]).run().ok();
        assert!(help.contains(&format!("Usage: insula {name}")), "{help}");
    }
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = Insula::new(&["completions", shell]).run().ok();
        assert!(
            script.contains("insula") && script.contains("detach"),
            "{shell}: {script}"
        );
    }
}
