//! What `promtool` says of the rules, their tests and the configuration.

#![allow(clippy::print_stderr, reason = "what is skipped is said aloud")]

use std::path::{Path, PathBuf};
use std::process::Command;

use insula_faults::Place;
use insula_observability::{Programs, files_in, infra, programs, read};

fn found() -> Option<Programs> {
    programs()
        .inspect_err(|why| eprintln!("skipped: {why}"))
        .ok()
}

/// Runs `promtool` in a folder; fails with what it said.
fn promtool(programs: &Programs, words: &[&str], files: &[PathBuf]) {
    let output = Command::new(&programs.promtool)
        .args(words)
        .args(files)
        .output();
    let output = output.unwrap_or_else(|error| panic!("cannot start promtool: {error}"));
    let said = [output.stdout, output.stderr].concat();
    assert!(
        output.status.success(),
        "promtool {}: {}",
        words.join(" "),
        String::from_utf8_lossy(&said)
    );
}

#[test]
fn real_prometheus_understands_the_rules() {
    let Some(programs) = found() else { return };
    let rules = files_in(&infra().join("prometheus/rules"), ".yml");
    promtool(&programs, &["check", "rules", "--lint-fatal"], &rules);
}

#[test]
fn real_prometheus_fires_alerts_when_it_should_and_only_then() {
    let Some(programs) = found() else { return };
    let tests = files_in(&infra().join("prometheus/tests"), ".test.yml");
    promtool(&programs, &["test", "rules"], &tests);
}

#[test]
fn real_prometheus_understands_the_configuration() {
    let Some(programs) = found() else { return };
    let place = Place::new();
    deploy(&place, &infra().join("prometheus"));
    promtool(
        &programs,
        &["check", "config"],
        &[place.file("prometheus.yml")],
    );
}

/// The folder as it is deployed: with the files that are made there, empty.
fn deploy(place: &Place, folder: &Path) {
    for name in ["rules", "insula"] {
        let made = std::fs::create_dir(place.file(name));
        made.unwrap_or_else(|error| panic!("cannot make {name}: {error}"));
    }
    let mut files = files_in(&folder.join("rules"), ".yml");
    files.push(folder.join("prometheus.yml"));
    for file in files {
        let name = file.strip_prefix(folder).unwrap_or(&file).to_string_lossy();
        let _copy = place.write(&name, &read(&file));
    }
    for (name, text) in [
        ("operator-secret", ""),
        ("ca.crt", ""),
        ("agents.yml", "[]"),
    ] {
        let _stand_in = place.write(&format!("insula/{name}"), text);
    }
}
