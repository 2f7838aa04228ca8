//! What the pure crates must never name, and where `unsafe` may stand.
//!
//! The kernel, the pipeline, the agent core and the types give the same outputs for the same inputs,
//! byte for byte: only that makes a seed of the simulator replay, and a reload equal what ran before.

use crate::source::{code_of, is_test_file, paths, shipped, words};
use crate::{File, Finding};

/// The folders of the crates that must be pure.
pub const PURE: &[&str] = &[
    "control-plane/types/",
    "control-plane/kernel/",
    "control-plane/pipeline/",
    "agent/core/",
];

/// Paths that no pure crate names, and what to do instead.
pub const IMPURE_PATHS: &[(&str, &str)] = &[
    ("tokio", "async belongs to the driver"),
    ("futures", "async belongs to the driver"),
    ("std::thread", "threads belong to the driver"),
    (
        "std::time",
        "time comes in as a value; only std::time::Duration may be named",
    ),
    ("std::fs", "files belong to the driver"),
    ("std::io", "input and output belong to the driver"),
    ("std::net", "the network belongs to the driver"),
    ("std::env", "only a binary's main reads the environment"),
    ("std::process", "processes belong to the agent's isolation"),
    ("rand", "randomness comes in as a value"),
    (
        "tracing",
        "the kernel explains itself with data; the driver writes it down",
    ),
];

/// Types whose iteration order differs from run to run.
const UNORDERED: &[&str] = &["HashMap", "HashSet", "RandomState", "DefaultHasher"];

/// Folders where decisions are made: no floating point at all.
const EXACT: &[&str] = &["control-plane/kernel/", "agent/core/"];

/// Where `unsafe` may stand: system calls, the sandbox, and the one call that loads a module which
/// the compiler process of this machine has precompiled.
pub const UNSAFE: &[&str] = &[
    "agent/isolation/",
    "wasm-executor/src/sandbox/",
    "wasm-executor/src/module/load.rs",
];

/// Folders that may name `nix` and `libc`; the tests of the Wasm executor play the agent for it.
const SYSTEM_CALLS: &[&str] = &[
    "agent/isolation/",
    "wasm-executor/src/sandbox/",
    "wasm-executor/tests/",
];

/// Pure crates name no clock, no randomness, no I/O, no async, no logging and no unordered map.
pub fn pure_crates_stay_pure(files: &[File]) -> Vec<Finding> {
    shipped_sources(files, PURE)
        .flat_map(|(path, code)| impurities(path, shipped(&code)))
        .collect()
}

fn impurities(path: &str, code: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    for named in paths(code) {
        let allowed = named.is_within("std::time::Duration");
        let found = IMPURE_PATHS
            .iter()
            .find(|(prefix, _)| named.is_within(prefix) && !allowed);
        if let Some((prefix, instead)) = found {
            findings.push(Finding::at(
                path,
                named.line,
                format!("pure code names {prefix}: {instead}"),
            ));
        }
    }
    for (line, word) in words(code).filter(|(_, word)| UNORDERED.contains(word)) {
        let message =
            format!("pure code names {word}: use BTreeMap, BTreeSet or a vector in a fixed order");
        findings.push(Finding::at(path, line, message));
    }
    findings
}

/// The kernel and the agent core decide in integers only.
pub fn decisions_use_no_floats(files: &[File]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (path, code) in shipped_sources(files, EXACT) {
        for (line, word) in words(shipped(&code)).filter(|(_, word)| matches!(*word, "f32" | "f64"))
        {
            let message = format!(
                "a decision uses {word}: use the fixed-point types, floats stand at the wire"
            );
            findings.push(Finding::at(path, line, message));
        }
    }
    findings
}

/// `unsafe` stands only in the folders and the file that [`UNSAFE`] lists.
pub fn unsafe_stands_behind_its_walls(files: &[File]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (path, code) in sources(files).filter(|(path, _)| !is_in(path, UNSAFE)) {
        for (line, _) in words(&code).filter(|(_, word)| *word == "unsafe") {
            let message =
                "unsafe code outside agent/isolation and the Wasm sandbox: put the call there";
            findings.push(Finding::at(path, line, message));
        }
    }
    findings
}

/// `nix` and `libc` are named only where system calls are made.
pub fn system_calls_stand_behind_their_walls(files: &[File]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (path, code) in sources(files).filter(|(path, _)| !is_in(path, SYSTEM_CALLS)) {
        let calls = paths(&code)
            .into_iter()
            .filter(|named| named.is_within("nix") || named.is_within("libc"));
        findings.extend(calls.map(|named| {
            let message = format!(
                "{} outside agent/isolation and the Wasm sandbox: put the call there",
                named.path
            );
            Finding::at(path, named.line, message)
        }));
    }
    findings
}

fn sources(files: &[File]) -> impl Iterator<Item = (&str, String)> {
    let rust = files.iter().filter(|file| file.path.ends_with(".rs"));
    rust.map(|file| (file.path.as_str(), code_of(&file.text)))
}

fn shipped_sources<'a>(
    files: &'a [File],
    folders: &'a [&str],
) -> impl Iterator<Item = (&'a str, String)> {
    sources(files).filter(|(path, _)| is_in(path, folders) && !is_test_file(path))
}

fn is_in(path: &str, places: &[&str]) -> bool {
    places.iter().any(|place| path.starts_with(place))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &str, text: &str) -> [File; 1] {
        [File {
            path: path.to_owned(),
            text: text.to_owned(),
        }]
    }

    #[test]
    fn a_clock_in_the_kernel_is_found_however_it_is_imported() {
        for text in [
            "use std::time::Instant;",
            "use std::{fmt, time::{Duration, SystemTime}};",
            "fn f() { let now = std::time::Instant::now(); }",
            "use std::time;",
        ] {
            let findings = pure_crates_stay_pure(&file("control-plane/kernel/src/step.rs", text));
            assert_eq!(findings.len(), 1, "{text}");
        }
    }

    #[test]
    fn durations_comments_and_tests_are_not_found() {
        let text = "use std::time::Duration; // not Instant\n#[cfg(test)]\nmod tests { use std::collections::HashMap; }";
        assert_eq!(
            pure_crates_stay_pure(&file("agent/core/src/lib.rs", text)),
            []
        );
        assert_eq!(
            pure_crates_stay_pure(&file("agent/src/lib.rs", "use std::time::Instant;")),
            []
        );
    }

    #[test]
    fn an_unordered_map_is_found_with_its_line() {
        let found = pure_crates_stay_pure(&file(
            "control-plane/pipeline/src/a.rs",
            "\nlet m = HashMap::new();",
        ));
        assert_eq!(found[0].place, "control-plane/pipeline/src/a.rs:2");
    }

    #[test]
    fn floats_are_found_in_decisions_and_allowed_in_types() {
        let text = "fn share() -> f64";
        assert_eq!(
            decisions_use_no_floats(&file("control-plane/kernel/src/drf.rs", text)).len(),
            1
        );
        assert_eq!(
            decisions_use_no_floats(&file("control-plane/types/src/scalar.rs", text)),
            []
        );
    }

    #[test]
    fn unsafe_and_system_calls_are_found_outside_their_walls() {
        let text = "fn f() { unsafe { libc::getpid() } }";
        let outside = file("control-plane/server/src/a.rs", text);
        assert_eq!(unsafe_stands_behind_its_walls(&outside).len(), 1);
        assert_eq!(system_calls_stand_behind_their_walls(&outside).len(), 1);
        let inside = file("agent/isolation/src/a.rs", text);
        assert_eq!(unsafe_stands_behind_its_walls(&inside), []);
        assert_eq!(system_calls_stand_behind_their_walls(&inside), []);
    }
}
