use std::io::{Read, Write};
use std::net::TcpStream;

use crate::support::{Insula, Place};

#[test]
fn a_wrong_command_line_says_what_to_write() {
    for (args, sentence) in [
        (
            &["run", "echo", "hi"][..],
            "hint: a command stands behind two dashes: insula run -- echo hi",
        ),
        (&["run"], "nothing to run"),
        (
            &["run", "--frob", "--", "true"],
            "unexpected argument '--frob'",
        ),
        (
            &["run", "--cpus", "1;gpus:2", "--", "true"],
            "write it as a number",
        ),
        (
            &["run", "--env", "A", "--", "true"],
            "write it as NAME=VALUE",
        ),
        (
            &["run", "--count", "0", "--", "true"],
            "0 is not in 1..=1000",
        ),
        (&["frob"], "unrecognized subcommand 'frob'"),
        (&["dev", "--demo", "--data-dir", "x"], "cannot be used with"),
        (&["dev", "--demo", "--agents", "0"], "a demo needs an agent"),
        (&["dev", "--resources", "cpus"], "--resources"),
        (&["dev", "--listen", "nowhere"], "--listen"),
        (
            &["dev", "--listen", "192.0.2.1:5050"],
            "hint: --listen 0.0.0.0:5050",
        ),
        (&["kill"], "<TASK>"),
    ] {
        let said = Insula::new(args).run().refused(2);
        assert!(
            said.starts_with("error: ") && said.contains(sentence),
            "{args:?}: {said}"
        );
    }
}

#[test]
fn without_a_control_plane_the_remedy_is_said() {
    // Nothing listens on the port for services of which nobody knows.
    let away = ["--url", "http://127.0.0.1:1"];
    for args in [
        &["ps"][..],
        &["run", "--", "true"],
        &["wait", "x"],
        &["logs", "-f", "x"],
    ] {
        let said = Insula::new(&[&away, args].concat()).run().refused(1);
        assert!(
            said.starts_with("error: cannot reach the control plane at http://127.0.0.1:1\n"),
            "{said}"
        );
        assert!(said.contains("hint: start one with `insula dev`"), "{said}");
    }
    let version = Insula::new(&[&away[..], &["version"]].concat()).run();
    assert!(
        version.stderr.contains("no control plane answers"),
        "{version:?}"
    );
    assert!(version.ok().starts_with("insula "));
    let said = Insula::new(&["--url", "ftp://x", "ps"]).run().refused(1);
    assert!(
        said.contains("'ftp://x' is not the address of a control plane"),
        "{said}"
    );
}

#[test]
fn unknown_tasks_are_unknown_to_every_command() {
    let place = Place::new();
    let dev = place.dev(&["--agents", "0"]);
    for command in ["logs", "kill", "wait", "why"] {
        let said = dev.insula(&[command, "nope"]).run().refused(1);
        assert!(
            said.starts_with("error: there is no task 'nope'\n  hint: "),
            "{command}: {said}"
        );
    }
    let id = dev.submit(&["--", "true"]);
    let why = dev.ok(&["why", &id]);
    assert!(why.contains("no agent"), "{why}");
}

#[test]
fn a_taken_port_and_a_used_directory_are_said_plainly() {
    let place = Place::new();
    let dev = place.dev(&[]);
    let other = place.path().join("other");
    let args = [
        "dev",
        "--listen",
        dev.address(),
        "--data-dir",
        other.to_str().unwrap(),
    ];
    let said = Insula::new(&args).run().refused(1);
    assert!(said.contains("is taken by another program"), "{said}");
    assert!(!other.exists());

    let data = place.path().join("data");
    let args = [
        "dev",
        "--listen",
        "127.0.0.1:0",
        "--data-dir",
        data.to_str().unwrap(),
    ];
    let said = Insula::new(&args).run().refused(1);
    assert!(
        said.starts_with("error: cannot use the data directory"),
        "{said}"
    );
    assert!(said.contains("in use"), "{said}");
    // Whoever was there first goes on.
    assert_eq!(dev.ok(&["run", "--", "echo", "still here"]), "still here\n");
}

#[test]
fn web_pages_may_not_call() {
    let place = Place::new();
    let dev = place.dev(&["--agents", "0"]);
    let status = |head: &str| {
        let mut stream = TcpStream::connect(dev.address()).unwrap();
        write!(stream, "{head}Connection: close\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer.split(' ').nth(1).unwrap().to_owned()
    };
    let host = dev.address();
    for path in ["/v1/tasks", "/api/v1/scheduler", "/state", "/health"] {
        let foreign = format!("GET {path} HTTP/1.1\r\nHost: evil.example\r\n");
        assert_eq!(status(&foreign), "403", "{path}");
        let page = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nOrigin: http://{host}\r\n");
        assert_eq!(status(&page), "403", "{path}");
    }
    assert_eq!(
        status(&format!("GET /v1/tasks HTTP/1.1\r\nHost: {host}\r\n")),
        "200"
    );
}
