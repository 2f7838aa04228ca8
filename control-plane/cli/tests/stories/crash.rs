use std::fs;
use std::path::PathBuf;

use crate::support::{Dev, Place, until};

/// Prints, waits for a file, prints again, and exits with 7.
fn native(place: &Place) -> (PathBuf, String) {
    let go = place.path().join("go");
    let line = format!(
        "echo before; until [ -e {} ]; do sleep 0.02; done; echo after; exit 7",
        go.display()
    );
    (go, line)
}

/// The folder of a Wasm task that its guest sees.
fn folder(dev: &Dev<'_>, id: &str) -> PathBuf {
    let launch = dev.task(id)["launch"].as_str().unwrap().to_owned();
    let sandboxes = dev.place().path().join("data/agents/0/sandboxes");
    sandboxes.join(launch).join("fs")
}

fn await_file(place: &Place) -> String {
    let file = place.file("await_file.wat", include_str!("guests/await_file.wat"));
    file.to_str().unwrap().to_owned()
}

#[test]
fn after_kill_9_the_next_start_adopts_running_tasks_with_output_and_exit_code() {
    let place = Place::new();
    let (go, line) = native(&place);
    let dev = place.dev(&[]);
    let native = dev.submit(&["--name", "native", "--", "sh", "-c", &line]);
    let wasm = dev.submit(&["--name", "wasm", &await_file(&place)]);
    for id in [&native, &wasm] {
        dev.until_state(id, "TASK_RUNNING");
        dev.until_logged(id, "before\n");
    }
    let launches = [&native, &wasm].map(|id| dev.task(id)["launch"].clone());
    let folder = folder(&dev, &wasm);
    dev.kill();

    let dev = place.dev(&[]);
    for (id, launch) in [&native, &wasm].iter().zip(&launches) {
        let task = dev.task(id);
        assert_eq!(
            (&task["state"], &task["launch"]),
            (&"TASK_RUNNING".into(), launch)
        );
    }
    let followers = [&native, &wasm].map(|id| dev.insula(&["logs", "-f", id]).spawn());
    fs::write(go, "").unwrap();
    fs::write(folder.join("go"), "").unwrap();
    for (id, follower) in [&native, &wasm].into_iter().zip(followers) {
        assert_eq!(dev.insula(&["wait", id]).run().code, Some(7), "{id}");
        assert_eq!(follower.wait().ok(), "before\nafter\n");
    }
    assert_eq!(dev.json(&["agents"]).as_array().unwrap().len(), 1);
}

#[test]
fn what_ends_while_nothing_runs_is_reported_by_the_next_start() {
    let place = Place::new();
    let (go, line) = native(&place);
    let done = place.path().join("done");
    let line = line.replace("exit 7", &format!("touch {}; exit 7", done.display()));
    let dev = place.dev(&[]);
    let native = dev.submit(&["--", "sh", "-c", &line]);
    let wasm = dev.submit(&[&await_file(&place)]);
    // Killed at any moment: whether the agent's updates were acknowledged is chance.
    dev.until_logged(&native, "before\n");
    dev.until_logged(&wasm, "before\n");
    let folder = folder(&dev, &wasm);
    dev.kill();
    fs::write(folder.join("go"), "").unwrap();
    fs::write(go, "").unwrap();
    until("the task's end", || done.exists().then_some(()));

    let dev = place.dev(&[]);
    for id in [&native, &wasm] {
        let waited = dev.insula(&["wait", id]).run();
        assert_eq!(
            (waited.code, waited.stdout),
            (Some(7), format!("{id} TASK_FAILED\n"))
        );
        assert_eq!(dev.ok(&["logs", id]), "before\nafter\n");
        let starts = dev.json(&["ps", "--all", id]);
        assert_eq!(
            starts.as_array().unwrap().len(),
            1,
            "started twice: {starts}"
        );
    }
}

#[test]
fn whoever_follows_a_task_goes_on_when_the_control_plane_is_back() {
    let place = Place::new();
    let (go, line) = native(&place);
    let dev = place.dev(&[]);
    let address = dev.address().to_owned();
    let run = dev
        .insula(&["run", "--name", "long", "--", "sh", "-c", &line])
        .spawn();
    run.until_printed("before\n");
    let id = dev.json(&["ps"])[0]["id"].as_str().unwrap().to_owned();
    let waiter = dev.insula(&["wait", &id]).spawn();
    dev.until_state(&id, "TASK_RUNNING");
    dev.kill();
    run.until_said("trying again");
    let dev = place.dev_at(&address, &[]);
    fs::write(go, "").unwrap();
    let ran = run.wait();
    assert_eq!(
        (ran.code, ran.stdout.as_str()),
        (Some(7), "before\nafter\n"),
        "{ran:?}"
    );
    assert_eq!(waiter.wait().code, Some(7));
    drop(dev);
}

#[test]
fn ctrl_c_kills_tasks_and_the_next_start_knows_it() {
    let place = Place::new();
    let dev = place.dev(&[]);
    let native = dev.submit(&["--", "sleep", "1000"]);
    let wasm = dev.submit(&[&await_file(&place)]);
    let waiting = dev.submit(&["--cpus", "1000", "--", "true"]);
    for id in [&native, &wasm] {
        dev.until_state(id, "TASK_RUNNING");
    }
    assert_eq!(dev.stop(), Some(0));
    until("the end of all processes", || {
        place.processes().is_empty().then_some(())
    });

    let dev = place.dev(&[]);
    for id in [&native, &wasm] {
        dev.until_state(id, "TASK_KILLED");
    }
    // What was not started yet still waits.
    assert!(dev.ok(&["why", &waiting]).contains("needs 1000 cpus"));
}
