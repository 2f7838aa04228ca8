use std::path::{Path, PathBuf};

use crate::support::Place;

/// A module of the repository.
fn module(path: &str) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../wasm-executor");
    let path: PathBuf = root.join(path);
    path.to_str().unwrap().to_owned()
}

#[test]
fn a_module_takes_arguments_input_and_environment() {
    let place = Place::new();
    let dev = place.dev(&[]);
    let hello = module("samples/hello.wat");
    assert_eq!(dev.ok(&["run", &hello]), "Hello, world!\n");
    assert_eq!(
        dev.ok(&["run", &hello, "--", "dear", "you"]),
        "Hello, dear you!\n"
    );

    let input: Vec<u8> = (b'a'..=b'z').cycle().take(1_000_000).collect();
    let cat = module("tests/guests/cat.wat");
    let echoed = dev.insula(&["run", &cat]).input(input.clone()).run().ok();
    assert!(
        echoed.as_bytes() == input,
        "{} bytes came back",
        echoed.len()
    );

    let environment = module("tests/guests/environment.wat");
    let printed = dev.ok(&["run", "-e", "A=b", &environment]);
    assert!(
        printed.split('\0').any(|variable| variable == "A=b"),
        "{printed:?}"
    );

    let component = module("tests/guests/component.wat");
    assert_eq!(dev.ok(&["run", &component]), "");
    let ran = dev.insula(&["run", &component, "--", "too many"]).run();
    assert_eq!(ran.code, Some(1), "{ran:?}");
}

#[test]
fn a_guest_that_goes_too_far_is_stopped_with_the_reason() {
    let place = Place::new();
    let dev = place.dev(&[]);
    let spin = place.file(
        "spin.wat",
        r#"(module (func $turn (loop $again (br $again))) (func (export "_start") (call $turn)))"#,
    );
    let spin = spin.to_str().unwrap();
    let said = dev
        .insula(&["run", "--timeout", "0.2", spin])
        .run()
        .refused(124);
    assert!(said.contains("is TASK_FAILED: "), "{said}");

    let grow = module("tests/guests/grow_then_trap.wat");
    let said = dev
        .insula(&["run", "--mem", "16", &grow])
        .run()
        .refused(125);
    assert!(said.contains("memory limit of 16 MiB reached"), "{said}");
    assert!(
        said.contains("out_of_memory"),
        "the backtrace is missing: {said}"
    );

    let endless = dev.submit(&["--name", "endless", spin]);
    dev.until_state(&endless, "TASK_RUNNING");
    dev.ok(&["kill", &endless]);
    assert_eq!(
        dev.insula(&["wait", &endless]).run().stdout,
        format!("{endless} TASK_KILLED\n")
    );
    // Others are not hurt.
    assert_eq!(
        dev.ok(&["run", &module("samples/hello.wat")]),
        "Hello, world!\n"
    );
}
