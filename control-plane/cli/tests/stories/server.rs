//! How a replica is set up, and why it does not start.

use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;

use crate::support::{Insula, Place};

/// A replica that has what it needs, but for what the test gives it; the database and the broker are
/// where nothing listens.
fn server(place: &Place, args: &[&str]) -> Insula {
    let (ca, operator) = (place.path().join("ca.pem"), place.path().join("operator"));
    if !ca.exists() {
        init(place).run().ok();
    }
    let mut words = vec!["server", "--log", "error"];
    for (option, value) in [
        ("--database-url", "postgres://somebody@127.0.0.1:1/insula"),
        ("--redis-url", "redis://127.0.0.1:1"),
        ("--listen", "127.0.0.1:0"),
        ("--ca-file", ca.to_str().unwrap()),
        ("--operator-file", operator.to_str().unwrap()),
    ] {
        if !args.contains(&option) {
            words.extend([option, value]);
        }
    }
    Insula::new(&[&words, args].concat())
}

fn init(place: &Place) -> Insula {
    let (ca, operator) = (place.path().join("ca.pem"), place.path().join("operator"));
    let (ca, operator) = (ca.to_str().unwrap(), operator.to_str().unwrap());
    Insula::new(&[
        "admin",
        "init",
        "--ca-file",
        ca,
        "--operator-file",
        operator,
    ])
}

#[test]
fn secrets_are_made_once_and_for_their_owner_alone() {
    let place = Place::new();
    init(&place).run().ok();
    let read = |name: &str| std::fs::read_to_string(place.path().join(name)).unwrap();
    let before = (read("ca.pem"), read("operator"));
    assert!(before.0.contains("BEGIN PRIVATE KEY"));
    assert!(before.1.starts_with("operator:"));
    for name in ["ca.pem", "operator"] {
        let metadata = std::fs::metadata(place.path().join(name)).unwrap();
        assert_eq!(metadata.permissions().mode() & 0o777, 0o600, "{name}");
    }
    let said = init(&place).run().refused(1);
    assert!(
        said.contains("exists already") && said.contains("not overwritten"),
        "{said}"
    );
    // Not half of it either.
    std::fs::remove_file(place.path().join("ca.pem")).unwrap();
    init(&place).run().refused(1);
    assert!(!place.path().join("ca.pem").exists());
    assert_eq!(read("operator"), before.1);
}

#[test]
fn what_is_wrong_with_a_replica_is_one_sentence() {
    let place = Place::new();
    let file = |name: &str, text: &str| place.file(name, text).to_str().unwrap().to_owned();
    let (empty, words) = (file("empty", ""), file("words", "operator secret"));
    let key = file("key", "lease_tll = 5s\n");
    let lease = file("lease", "lease_ttl = 1s\n");
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = taken.local_addr().unwrap().to_string();
    for (args, sentence) in [
        (
            ["--ca-file", "/nowhere/ca"],
            "cannot read the file /nowhere/ca: No such file",
        ),
        (["--ca-file", &empty], "must hold a certificate in PEM"),
        (
            ["--operator-file", &words],
            "one line of the form principal:secret",
        ),
        (["--config", &key], "line 1: there is no key 'lease_tll'"),
        (["--config", &lease], "lease_ttl"),
        (["--listen", &taken], "is taken by another program"),
        (
            ["--advertise", "here"],
            "--advertise 'here' is not of the form host:port",
        ),
        (
            ["--public", "http://x"],
            "--public 'http://x' is not of the form host:port",
        ),
        (["--heartbeat", "30"], "cannot use the database"),
    ] {
        let said = server(&place, &args).run().refused(1);
        assert!(
            said.contains("error: ") && said.contains(sentence),
            "{args:?}: {said}"
        );
    }
    let said = Insula::new(&["server"]).run().refused(2);
    assert!(said.contains("--database-url"), "{said}");
}

#[test]
fn the_configuration_in_force_can_be_printed_and_read_again() {
    let place = Place::new();
    let printed = Insula::new(&["server", "--print-config"]).run().ok();
    assert!(printed.contains("\nlease_ttl = 5s\n"), "{printed}");
    let changed = printed.replace("heartbeat = 15s", "heartbeat = 7s");
    let config = place.file("config", changed.as_bytes());
    let config = config.to_str().unwrap();
    let again = Insula::new(&["server", "--print-config", "--config", config]);
    assert_eq!(again.run().ok(), changed);
    let option = [
        "server",
        "--print-config",
        "--config",
        config,
        "--heartbeat",
        "3",
    ];
    let option = Insula::new(&option).run().ok();
    assert!(option.contains("\nheartbeat = 3s\n"), "{option}");
}

#[test]
fn a_credential_or_authority_that_cannot_be_read_is_said_by_every_client() {
    let place = Place::new();
    let words = place.file("words", "nothing of the kind");
    let words = words.to_str().unwrap();
    for (args, sentence) in [
        (
            ["--credential", "/nowhere"],
            "cannot read the file /nowhere",
        ),
        (
            ["--credential", words],
            "one line of the form principal:secret",
        ),
        (["--ca", words], "holds no certificate (PEM)"),
    ] {
        let away = ["--url", "https://127.0.0.1:1", "ps"];
        let said = Insula::new(&[&args[..], &away].concat()).run().refused(1);
        assert!(said.contains(sentence), "{args:?}: {said}");
    }
    let bare = Insula::new(&["--url", "https://127.0.0.1:1", "ps"]);
    assert!(bare.run().refused(1).contains("--ca FILE"));
    let cell = Insula::new(&["--cell", "a/b", "ps"]).run().refused(2);
    assert!(cell.contains("'a/b' is no cell"), "{cell}");
}
