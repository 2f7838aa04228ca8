use std::fs;
use std::process::Stdio;

use crate::support::{Dev, Insula, Place, until};

fn demo(place: &Place) -> std::process::Command {
    let args = ["dev", "--demo", "--listen", "127.0.0.1:0"];
    Insula::new(&args)
        .env("TMPDIR", place.path())
        .into_command()
}

fn is_empty(place: &Place) -> bool {
    fs::read_dir(place.path()).unwrap().next().is_none()
}

#[test]
fn the_demo_shows_what_its_tasks_print_and_how_long_each_hop_took() {
    let place = Place::new();
    let dev = Dev::spawn(&place, demo(&place));
    dev.until_said("Ctrl-C stops everything");
    let stdout = dev.stdout();
    let lines: Vec<&str> = stdout.lines().collect();
    assert!(lines[0].starts_with("hello from "), "{stdout}");
    assert_eq!(
        lines[1..],
        [
            "Hello, from WebAssembly!",
            "Hello, again!",
            "78498 primes below 1000000, the largest is 999983"
        ]
    );
    let stderr = dev.stderr();
    for said in [
        " offers cpus:",
        "A native task: sh -c",
        "A Wasm task: hello.wat",
        "submitted, offered and accepted",
        "in all",
        "From the start of this process to the end of the first task: ",
        "Try in another terminal:",
    ] {
        assert!(stderr.contains(said), "{said:?} is missing: {stderr}");
    }
    assert_eq!(stderr.matches("    in all").count(), 4, "{stderr}");
    assert!(!is_empty(&place));
    assert_eq!(dev.stop(), Some(0));
    assert!(is_empty(&place), "the demo's directory is left");
}

#[test]
fn a_demo_that_nobody_watches_ends_and_cleans_up() {
    let place = Place::new();
    let mut command = demo(&place);
    command.stdin(Stdio::null());
    command.stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = command.spawn().unwrap();
    drop(child.stdout.take());
    let status = until("its end", || child.try_wait().unwrap());
    assert_eq!(status.code(), Some(0));
    assert!(is_empty(&place), "the demo's directory is left");
}

#[test]
fn tasks_of_a_demo_die_with_it_however_it_ends() {
    let place = Place::new();
    let dev = Dev::spawn(&place, demo(&place));
    dev.until_said("Ctrl-C stops everything");
    let id = dev.submit(&["--", "sleep", "1000"]);
    dev.until_state(&id, "TASK_RUNNING");
    dev.kill();
    // Nobody tells the shepherd; it misses its agent. The place checks that all processes end.
}
