use std::process::Stdio;

use crate::support::Place;

/// All of an agent's work shares one connection; whoever is slow on it must slow only itself.
#[test]
fn whoever_stops_reading_or_does_not_read_holds_up_nobody() {
    let place = Place::new();
    let dev = place.dev(&[]);
    let args = ["run", "--name", "yes", "--", "yes"];
    let mut command = dev.insula(&args).into_command();
    command.stdin(Stdio::null());
    command.stdout(Stdio::piped()).stderr(Stdio::null());
    let mut unread = command.spawn().unwrap();
    dev.until_state("yes", "TASK_RUNNING");

    let input = vec![b'x'; 4 << 20];
    let deaf = ["deaf1", "deaf2", "deaf3", "deaf4"].map(|name| {
        let args = ["run", "--name", name, "--", "sleep", "1000"];
        let run = dev.insula(&args).input(input.clone()).spawn();
        dev.until_state(name, "TASK_RUNNING");
        run
    });

    for _ in 0..3 {
        let ran = dev.insula(&["run", "--", "cat"]).input("passed by").run();
        assert_eq!(ran.ok(), "passed by");
    }
    for run in &deaf {
        run.signal("INT");
    }
    for run in deaf {
        assert_eq!(run.wait().code, Some(143));
    }
    drop(unread.stdout.take());
    assert_eq!(unread.wait().unwrap().code(), Some(0));
}
