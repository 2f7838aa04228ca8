//! Modules that cannot run here are refused before they run, in a sentence.
#![allow(clippy::unwrap_used)]

mod support;

use std::fs;

use insula_wasm_executor::{compiler, samples};
use support::Agent;

fn refusal(source: &str) -> String {
    Agent::new()
        .compile(source.as_bytes())
        .unwrap_err()
        .to_string()
}

fn options(agent: &Agent, bytes: &[u8]) -> compiler::Options {
    let module = agent.path().join("upload");
    fs::write(&module, bytes).unwrap();
    compiler::Options::new(module, agent.path().join("cache"))
}

fn cached_files(agent: &Agent) -> usize {
    fs::read_dir(agent.path().join("cache")).unwrap().count()
}

#[test]
fn unknown_imports_are_named() {
    assert_eq!(
        refusal(
            r#"(module (import "env" "foo" (func)) (import "env" "bar" (func))
                (func (export "_start")))"#
        ),
        "the module imports `env.foo`, `env.bar`, which Insula does not provide; \
         build it for WASI preview 1 or WASI 0.2"
    );
    assert_eq!(
        refusal(r#"(component (import "acme:shop/cart@1.0.0" (instance)))"#),
        "the module imports `acme:shop/cart@1.0.0`, which Insula does not provide; \
         build it for WASI preview 1 or WASI 0.2"
    );
}

#[test]
fn an_import_of_the_wrong_type_is_refused() {
    let sentence = refusal(
        r#"(module (import "wasi_snapshot_preview1" "proc_exit" (func (param i64)))
            (func (export "_start")))"#,
    );
    assert!(
        sentence.starts_with("the module's imports do not fit WASI: "),
        "{sentence}"
    );
}

#[test]
fn a_library_is_not_a_command() {
    let core = refusal(r#"(module (func (export "add") (result i32) (i32.const 1)))"#);
    assert!(
        core.starts_with("the module exports no function `_start`"),
        "{core}"
    );
    let parameters = refusal(r#"(module (func (export "_start") (param i32)))"#);
    assert_eq!(parameters, core);
    let component = refusal("(component)");
    assert!(
        component.starts_with("the component does not export `wasi:cli/run`"),
        "{component}"
    );
}

#[test]
fn memory_shared_between_threads_is_refused() {
    let sentence = refusal(r#"(module (memory 1 1 shared) (func (export "_start")))"#);
    assert!(
        sentence.starts_with("the module is not valid: "),
        "{sentence}"
    );
    assert!(sentence.contains("threads"), "{sentence}");
}

#[test]
fn what_is_no_module_is_refused_and_leaves_nothing_in_the_cache() {
    let agent = Agent::new();
    for (bytes, start) in [
        (
            &b"#!/bin/sh\necho hello\n"[..],
            "the file is not WebAssembly",
        ),
        (b"", "the file is not WebAssembly"),
        (samples::HELLO.as_bytes(), "the file is WebAssembly text"),
        (
            b"\0asm\x01\0\0\0\x01\xff\xff\xff\xff\x0f",
            "the module is not valid: ",
        ),
    ] {
        let sentence = compiler::compile(&options(&agent, bytes))
            .unwrap_err()
            .to_string();
        assert!(sentence.starts_with(start), "{sentence}");
    }
    refusal("(component)");
    assert_eq!(cached_files(&agent), 0);
}

#[test]
fn precompiled_code_is_refused_from_outside() {
    let agent = Agent::new();
    let compiled = agent.compile(samples::HELLO.as_bytes()).unwrap();
    let artifact = fs::read(agent.path().join("cache").join(compiled.file)).unwrap();
    let sentence = compiler::compile(&options(&agent, &artifact))
        .unwrap_err()
        .to_string();
    assert!(
        sentence.starts_with("the file is precompiled machine code"),
        "{sentence}"
    );
}

#[test]
fn size_and_digest_are_checked() {
    let agent = Agent::new();
    let bytes = wat::parse_str(samples::HELLO).unwrap();
    let short = compiler::Options {
        module_bytes: 100,
        ..options(&agent, &bytes)
    };
    let sentence = compiler::compile(&short).unwrap_err().to_string();
    assert!(sentence.contains("more than the 100 allowed"), "{sentence}");
    let other = compiler::Options {
        digest: Some("0".repeat(64)),
        ..options(&agent, &bytes)
    };
    let sentence = compiler::compile(&other).unwrap_err().to_string();
    assert!(
        sentence.contains(&format!("where {} was announced", "0".repeat(64))),
        "{sentence}"
    );
}

#[test]
fn a_module_is_compiled_once() {
    let agent = Agent::new();
    let first = agent.compile(samples::HELLO.as_bytes()).unwrap();
    assert!(!first.cached);
    assert_eq!(first.minimum_memory, 2 * 65_536);
    assert!(
        first
            .imports
            .contains(&"wasi_snapshot_preview1.args_get".to_owned())
    );
    assert!(first.file.starts_with(&first.digest) && first.file.ends_with(".cwasm"));
    let again = agent.compile(samples::HELLO.as_bytes()).unwrap();
    assert!(again.cached);
    assert_eq!(
        (again.file, again.kind, again.imports),
        (first.file, first.kind, first.imports)
    );
    assert_eq!(cached_files(&agent), 1);
}

#[test]
fn a_damaged_artifact_is_made_anew() {
    let agent = Agent::new();
    let first = agent.compile(samples::HELLO.as_bytes()).unwrap();
    let path = agent.path().join("cache").join(&first.file);
    fs::remove_file(&path).unwrap();
    fs::write(&path, "not an artifact").unwrap();
    let again = agent.compile(samples::HELLO.as_bytes()).unwrap();
    assert!(!again.cached);
    assert_eq!(fs::metadata(&path).unwrap().len(), first.artifact_bytes);
}
