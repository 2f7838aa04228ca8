use std::fs;

use crate::support::Place;

#[test]
fn a_task_prints_here_and_gives_its_exit_code() {
    let place = Place::new();
    let dev = place.dev(&[]);
    let ran = dev
        .insula(&["run", "--", "sh", "-c", "echo out; echo err >&2; exit 3"])
        .run();
    assert_eq!(ran.code, Some(3));
    assert_eq!(ran.stdout, "out\n");
    assert_eq!(ran.stderr, "err\n");

    let ran = dev.insula(&["run", "--", "sh", "-c", "kill -9 $$"]).run();
    assert_eq!(ran.code, Some(137));
    assert!(
        ran.stderr
            .contains("is TASK_FAILED: Command terminated with signal"),
        "{ran:?}"
    );

    let printed = dev.ok(&[
        "run",
        "-e",
        "A=b=c",
        "--env",
        "D=",
        "--",
        "sh",
        "-c",
        "echo $A$D; env",
    ]);
    assert!(printed.starts_with("b=c\n"), "{printed}");
    assert!(printed.contains("\nINSULA_TASK_ID=sh-"), "{printed}");

    // Both outputs, however large, arrive whole.
    let line = "seq 100000; seq 100000 >&2";
    let ran = dev.insula(&["run", "--", "sh", "-c", line]).run();
    let whole: String = (1..=100_000).map(|number| format!("{number}\n")).collect();
    assert_eq!(ran.code, Some(0));
    assert!(
        ran.stdout == whole && ran.stderr == whole,
        "{} {}",
        ran.stdout.len(),
        ran.stderr.len()
    );
}

#[test]
fn what_is_piped_in_reaches_the_task() {
    let place = Place::new();
    let dev = place.dev(&[]);
    let input: Vec<u8> = (0..300_000_u32).flat_map(u32::to_be_bytes).collect();
    let ran = dev
        .insula(&["run", "--", "wc", "-c"])
        .input(input.clone())
        .run();
    assert_eq!(ran.ok(), "1200000\n");
    assert_eq!(dev.insula(&["run", "--", "cat"]).input("").run().ok(), "");
    // Whoever does not read it all is no failure, and nothing to talk about.
    let ran = dev.insula(&["run", "--", "true"]).input(input).run();
    assert_eq!(ran.stderr, "");
    assert_eq!(ran.ok(), "");

    let said = dev
        .insula(&["run", "--retries", "1", "--", "cat"])
        .input("x")
        .run()
        .refused(2);
    assert!(
        said.contains("hint: leave out --retries and --count"),
        "{said}"
    );
}

#[test]
fn a_task_that_cannot_run_says_why() {
    let place = Place::new();
    let dev = place.dev(&[]);
    let said = dev
        .insula(&["run", "--", "/no/such/program"])
        .run()
        .refused(125);
    assert!(
        said.contains("cannot run /no/such/program: No such file"),
        "{said}"
    );

    let said = dev
        .insula(&["run", "--timeout", "0.2", "--", "sleep", "1000"])
        .run()
        .refused(124);
    assert!(
        said.contains("longer than its maximum completion time of 200.0 ms"),
        "{said}"
    );

    for (args, sentence) in [
        (["--timeout", "0", "--", "true"], "0 is no timeout"),
        (["--cpus", "0", "--", "true"], "a task needs some cpus"),
        (
            ["--retries", "1001", "--", "true"],
            "retried 1000 times at most",
        ),
        (["--name", "a b/c", "--", "true"], "name"),
    ] {
        let said = dev.insula(&[&["run"][..], &args].concat()).run().refused(1);
        assert!(
            said.starts_with("error: ") && said.contains(sentence),
            "{said}"
        );
    }
}

#[test]
fn what_fails_is_started_again_and_each_start_is_heard() {
    let place = Place::new();
    let dev = place.dev(&[]);
    let args = [
        "run",
        "--name",
        "flaky",
        "--retries",
        "2",
        "--",
        "sh",
        "-c",
        "echo try; exit 4",
    ];
    let ran = dev.insula(&args).run();
    assert_eq!(ran.stdout, "try\ntry\ntry\n");
    assert_eq!(ran.code, Some(4));
    assert_eq!(
        ran.stderr.matches(" is started again\n").count(),
        2,
        "{}",
        ran.stderr
    );

    let tries = place.path().join("tries");
    let line = format!(
        "echo x >> {0}; wc -l < {0}; test $(wc -l < {0}) = 2",
        tries.display()
    );
    let ran = dev
        .insula(&["run", "--retries", "5", "--", "sh", "-c", &line])
        .run();
    assert_eq!(ran.ok(), "1\n2\n");
    assert_eq!(fs::read_to_string(tries).unwrap(), "x\nx\n");

    let listed = dev.json(&["ps", "--all", "flaky"]);
    let id = listed[0]["id"].as_str().unwrap();
    for attempt in ["0", "1", "2"] {
        assert_eq!(dev.ok(&["logs", "--attempt", attempt, id]), "try\n");
    }
    let said = dev.insula(&["logs", "--attempt", "3", id]).run().refused(1);
    assert!(said.contains("there is no start number 3"), "{said}");
}

#[test]
fn many_tasks_are_told_apart() {
    let place = Place::new();
    let dev = place.dev(&[]);
    let line = "echo one; printf two; echo three >&2";
    let args = [
        "run", "--count", "70", "--cpus", "0.01", "--mem", "1", "--", "sh", "-c", line,
    ];
    let ran = dev.insula(&args).run();
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    let mut seen: Vec<(&str, &str)> = ran
        .stdout
        .lines()
        .map(|line| line.split_once(" | ").unwrap())
        .collect();
    seen.sort_unstable();
    assert_eq!(seen.len(), 140);
    for pair in seen.chunks(2) {
        assert_eq!((pair[0].1, pair[1].1), ("one", "two"));
        assert_eq!(pair[0].0, pair[1].0);
    }
    assert_eq!(
        ran.stderr
            .lines()
            .filter(|line| line.ends_with(" | three"))
            .count(),
        70
    );
}

#[test]
fn with_json_the_answer_is_the_task() {
    let place = Place::new();
    let dev = place.dev(&[]);
    let ran = dev
        .insula(&["--json", "run", "--", "sh", "-c", "printf hello; exit 3"])
        .run();
    assert_eq!((ran.code, ran.stderr.as_str()), (Some(3), "hello"));
    let task: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(task["state"], "TASK_FAILED");
    assert_eq!(task["exit"]["code"], 3);
    let submitted = dev.json(&["run", "--detach", "--count", "2", "--", "true"]);
    assert_eq!(submitted["ids"].as_array().unwrap().len(), 2);
}
