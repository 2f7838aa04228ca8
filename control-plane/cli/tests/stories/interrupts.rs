use std::process::Stdio;

use crate::support::{Insula, Place, until};

#[test]
fn ctrl_c_kills_the_task_and_hears_its_last_words() {
    let place = Place::new();
    let dev = place.dev(&[]);
    let line = "echo begun; trap 'echo bye; exit 5' TERM; while :; do sleep 0.05; done";
    for signal in ["INT", "TERM"] {
        let run = dev
            .insula(&["run", "--name", signal, "--", "sh", "-c", line])
            .spawn();
        run.until_printed("begun\n");
        run.signal(signal);
        let ran = run.wait();
        assert_eq!(
            (ran.code, ran.stdout.as_str()),
            (Some(5), "begun\nbye\n"),
            "{ran:?}"
        );
        assert!(
            ran.stderr.contains("killing; press Ctrl-C again"),
            "{ran:?}"
        );
        assert_eq!(dev.task(signal)["state"], "TASK_KILLED");
    }
}

#[test]
fn the_second_ctrl_c_leaves_it_at_that() {
    let place = Place::new();
    let dev = place.dev(&[]);
    let line = "trap '' TERM; echo begun; while :; do sleep 0.05; done";
    let run = dev
        .insula(&["run", "--name", "deaf", "--", "sh", "-c", line])
        .spawn();
    run.until_printed("begun\n");
    run.signal("INT");
    run.until_said("killing");
    run.signal("INT");
    assert_eq!(run.wait().code, Some(130));
    dev.until_state("deaf", "TASK_KILLED");
}

#[test]
fn a_task_that_nobody_reads_any_more_is_killed() {
    let place = Place::new();
    let dev = place.dev(&[]);
    let mut command = dev
        .insula(&["run", "--name", "yes", "--", "yes"])
        .into_command();
    command.stdin(Stdio::null());
    command.stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = command.spawn().unwrap();
    drop(child.stdout.take());
    let status = until("its end", || child.try_wait().unwrap());
    assert_eq!(status.code(), Some(0));
    dev.until_state("yes", "TASK_KILLED");
}

#[test]
fn a_list_that_nobody_reads_to_its_end_is_no_failure() {
    for args in [&["completions", "bash"][..], &["--help"]] {
        let mut command = Insula::new(args).into_command();
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{output:?}");
        assert_eq!(output.stderr, b"");
    }
}
