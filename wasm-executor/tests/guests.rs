//! What guests can do, and how they end.
#![allow(clippy::unwrap_used)]

mod support;

use std::fs;
use std::path::Path;
use std::process::Command;

use insula_proto::insula::wasm::v1::{EnvironmentVariable, Launch, Reason, TaskState};
use insula_wasm_executor::samples;
use support::{Agent, text};

/// Copies stdin to stdout, in a loop, through one buffer.
const CAT: &str = include_str!("guests/cat.wat");
/// Prints its environment, each variable ended by a zero.
const ENVIRONMENT: &str = include_str!("guests/environment.wat");
/// Reads `/input` and writes what it read to `/output`.
const FILES: &str = include_str!("guests/files.wat");
/// A command component that exits successfully or not, as its first argument's length says.
const COMPONENT: &str = include_str!("guests/component.wat");
/// Grows its memory by a page until that is refused, then does as its name says.
const GROW_THEN_TRAP: &str = include_str!("guests/grow_then_trap.wat");

const SPIN: &str = r#"(module
    (memory (export "memory") 1)
    (func $turn (loop $again (br $again)))
    (func $main (export "_start") (call $turn)))"#;

fn make_fifo(path: &Path) {
    assert!(Command::new("mkfifo").arg(path).status().unwrap().success());
}

fn exit_with(code: i32) -> String {
    format!(
        r#"(module
            (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
            (memory (export "memory") 1)
            (func (export "_start") (call $exit (i32.const {code}))))"#
    )
}

#[test]
fn hello_greets_its_arguments() {
    let (mut agent, _executor) = Agent::with_executor();
    let mut launch = agent.launch(samples::HELLO.as_bytes());
    launch.args = vec!["Ada".to_owned(), "and Grace".to_owned()];
    let end = agent.run(&launch);
    assert_eq!(
        (end.state(), end.exit_code),
        (TaskState::Finished, Some(0)),
        "{end:?}"
    );
    assert_eq!(
        agent.output(&launch.launch_id, "stdout"),
        "Hello, Ada and Grace!\n"
    );
    assert_eq!(agent.output(&launch.launch_id, "stderr"), "");
    assert!(!agent.sandbox(&launch.launch_id).join("fs").exists());
    assert!(end.peak_memory >= 2 * 65_536);

    let launch = agent.launch(samples::HELLO.as_bytes());
    agent.run(&launch);
    assert_eq!(agent.output(&launch.launch_id, "stdout"), "Hello, world!\n");
}

#[test]
fn primes_counts_right() {
    let (mut agent, _executor) = Agent::with_executor();
    let launch = agent.launch(samples::PRIMES.as_bytes());
    assert_eq!(agent.run(&launch).state(), TaskState::Finished);
    assert_eq!(
        agent.output(&launch.launch_id, "stdout"),
        "78498 primes below 1000000, the largest is 999983\n"
    );
}

#[test]
fn the_environment_is_that_of_the_launch_and_its_trace() {
    let (mut agent, _executor) = Agent::with_executor();
    let mut launch = agent.launch(ENVIRONMENT.as_bytes());
    let variable = EnvironmentVariable {
        name: "COLOUR".to_owned(),
        value: "blue".to_owned(),
    };
    launch.environment = vec![variable];
    launch.traceparent = "00-abc-def-01".to_owned();
    agent.run(&launch);
    assert_eq!(
        agent.output(&launch.launch_id, "stdout"),
        "COLOUR=blue\0TRACEPARENT=00-abc-def-01\0"
    );
}

#[test]
fn stdin_comes_from_a_file_or_ends_at_once() {
    let (mut agent, _executor) = Agent::with_executor();
    let mut launch = agent.launch(CAT.as_bytes());
    let input = agent.path().join("input");
    let lines: String = (0..5_000).map(|line| format!("line {line}\n")).collect();
    fs::write(&input, &lines).unwrap();
    launch.stdin = text(&input);
    assert_eq!(agent.run(&launch).state(), TaskState::Finished);
    assert_eq!(agent.output(&launch.launch_id, "stdout"), lines);

    let without = agent.launch(CAT.as_bytes());
    assert_eq!(agent.run(&without).state(), TaskState::Finished);
    assert_eq!(agent.output(&without.launch_id, "stdout"), "");
}

#[test]
fn stdin_follows_a_fifo_until_it_is_closed() {
    let (mut agent, _executor) = Agent::with_executor();
    let mut launch = agent.launch(CAT.as_bytes());
    let path = agent.path().join("fifo");
    make_fifo(&path);
    // Opened for both, so that opening does not wait for the guest.
    let mut fifo = fs::OpenOptions::new()
        .read(true)
        .write(true)
        .open(&path)
        .unwrap();
    launch.stdin = text(&path);
    agent.start(&launch);
    agent.wait_running(&launch.launch_id);
    std::io::Write::write_all(&mut fifo, b"to be continued").unwrap();
    drop(fifo);
    assert_eq!(agent.end(&launch.launch_id).state(), TaskState::Finished);
    assert_eq!(agent.output(&launch.launch_id, "stdout"), "to be continued");
}

#[test]
fn files_are_those_of_the_tasks_own_folder() {
    let (mut agent, _executor) = Agent::with_executor();
    let launch = agent.launch(FILES.as_bytes());
    let root = agent.sandbox(&launch.launch_id).join("fs");
    fs::create_dir(&root).unwrap();
    fs::write(root.join("input"), "some words").unwrap();
    let end = agent.run(&launch);
    assert_eq!(end.state(), TaskState::Finished, "{end:?}");
    assert_eq!(
        fs::read_to_string(root.join("output")).unwrap(),
        "some words"
    );
}

#[test]
fn exit_codes_are_the_guests_own() {
    let (mut agent, _executor) = Agent::with_executor();
    for (code, state) in [
        (0, TaskState::Finished),
        (3, TaskState::Failed),
        (255, TaskState::Failed),
    ] {
        let end = agent.run_module(&exit_with(code));
        assert_eq!((end.state(), end.reason()), (state, Reason::Exit));
        assert_eq!(end.exit_code, Some(code));
        assert_eq!(end.message, format!("exited with code {code}"));
    }
}

#[test]
fn a_component_runs_and_its_result_is_its_exit_code() {
    let (mut agent, _executor) = Agent::with_executor();
    let mut launch = agent.launch(COMPONENT.as_bytes());
    let end = agent.run(&launch);
    assert_eq!(
        (end.state(), end.exit_code),
        (TaskState::Finished, Some(0)),
        "{end:?}"
    );
    launch = Launch {
        args: vec!["fail".to_owned()],
        ..agent.launch(COMPONENT.as_bytes())
    };
    let end = agent.run(&launch);
    assert_eq!(
        (end.state(), end.exit_code),
        (TaskState::Failed, Some(1)),
        "{end:?}"
    );
}

#[test]
fn a_trap_names_the_functions_it_happened_in() {
    let (mut agent, _executor) = Agent::with_executor();
    let end = agent.run_module(
        r#"(module
            (memory (export "memory") 1)
            (func $_ZN5bench6divide17h0123456789abcdefE (param i32) (result i32)
                (i32.div_u (i32.const 1) (local.get 0)))
            (func $average (result i32)
                (call $_ZN5bench6divide17h0123456789abcdefE (i32.const 0)))
            (func $main (export "_start") (drop (call $average))))"#,
    );
    assert_eq!(
        (end.state(), end.reason()),
        (TaskState::Failed, Reason::Trap)
    );
    assert_eq!(end.exit_code, None);
    assert_eq!(end.message, "wasm trap: integer divide by zero");
    assert_eq!(end.backtrace, ["bench::divide", "average", "main"]);
}

#[test]
fn endless_recursion_is_a_trap_with_a_bounded_backtrace() {
    let (mut agent, _executor) = Agent::with_executor();
    let end = agent.run_module(
        r#"(module (memory (export "memory") 1)
            (func $deeper (export "_start") (call $deeper) (call $deeper)))"#,
    );
    assert_eq!(end.reason(), Reason::Trap);
    assert!(
        end.message.contains("call stack exhausted"),
        "{}",
        end.message
    );
    assert_eq!(end.backtrace, vec!["deeper"; 32]);
}

#[test]
fn memory_beyond_the_limit_is_refused_and_named_when_it_was_fatal() {
    let (mut agent, _executor) = Agent::with_executor();
    let end = agent.run_module(GROW_THEN_TRAP);
    assert_eq!(
        (end.state(), end.reason()),
        (TaskState::Failed, Reason::MemoryLimit)
    );
    assert_eq!(
        end.message,
        "memory limit of 16 MiB reached; then the guest failed: \
         wasm trap: wasm `unreachable` instruction executed"
    );
    assert_eq!(end.backtrace, ["out_of_memory", "main"]);
    assert_eq!(end.peak_memory, 16 << 20);

    // The same guest, but it copes: what it was refused is nobody's business.
    let copes = GROW_THEN_TRAP.replace("(call $out_of_memory)", "");
    assert_eq!(agent.run_module(&copes).state(), TaskState::Finished);
}

#[test]
fn a_module_that_starts_larger_than_its_limit_never_runs() {
    let (mut agent, _executor) = Agent::with_executor();
    let end = agent.run_module(r#"(module (memory 512) (func (export "_start")))"#);
    assert_eq!(
        (end.state(), end.reason()),
        (TaskState::Failed, Reason::StartFailed)
    );
    assert_eq!(
        end.message,
        "the module needs more memory to start than the 16 MiB the task has; \
         give the task more memory"
    );
}

#[test]
fn a_table_counts_as_memory() {
    let (mut agent, _executor) = Agent::with_executor();
    let mut launch = agent.launch(
        br#"(module (table $t 1 funcref)
            (func (export "_start")
                (if (i32.eq (table.grow $t (ref.null func) (i32.const 50000)) (i32.const -1))
                    (then unreachable))))"#,
    );
    launch.memory_limit = 100_000;
    let end = agent.run(&launch);
    assert_eq!(end.reason(), Reason::MemoryLimit, "{end:?}");
    launch = Launch {
        memory_limit: 1_000_000,
        ..agent.launch(b"(module (func (export \"_start\")))")
    };
    assert_eq!(agent.run(&launch).state(), TaskState::Finished);
}

#[test]
fn an_endless_loop_ends_with_its_wall_time_and_says_where_it_was() {
    let (mut agent, _executor) = Agent::with_executor();
    let launch = Launch {
        wall_ms: 100,
        ..agent.launch(SPIN.as_bytes())
    };
    let end = agent.run(&launch);
    assert_eq!(
        (end.state(), end.reason()),
        (TaskState::Failed, Reason::WallTime)
    );
    assert_eq!(end.message, "wall time limit reached");
    assert_eq!(end.backtrace, ["turn", "main"]);
    assert!(end.timings.unwrap().run >= 90_000, "{:?}", end.timings);
}

#[test]
fn a_guest_that_waits_for_input_can_be_killed() {
    let (mut agent, _executor) = Agent::with_executor();
    let mut launch = agent.launch(CAT.as_bytes());
    let path = agent.path().join("fifo");
    make_fifo(&path);
    let _writer = fs::OpenOptions::new()
        .read(true)
        .write(true)
        .open(&path)
        .unwrap();
    launch.stdin = text(&path);
    agent.start(&launch);
    agent.wait_running(&launch.launch_id);
    agent.kill(&launch.launch_id);
    let end = agent.end(&launch.launch_id);
    assert_eq!(
        (end.state(), end.reason()),
        (TaskState::Killed, Reason::Killed)
    );
}

#[test]
fn endless_loops_leave_room_for_others() {
    let (mut agent, _executor) = Agent::with_executor();
    // More loops than there are threads on most machines that run tests, fewer than slots.
    let loops: Vec<_> = (0..12).map(|_| agent.launch(SPIN.as_bytes())).collect();
    for spinning in &loops {
        agent.start(spinning);
        agent.wait_running(&spinning.launch_id);
    }
    let launch = agent.launch(samples::HELLO.as_bytes());
    assert_eq!(agent.run(&launch).state(), TaskState::Finished);
    for spinning in &loops {
        agent.kill(&spinning.launch_id);
        let end = agent.end(&spinning.launch_id);
        assert_eq!(end.state(), TaskState::Killed, "{end:?}");
    }
}

#[test]
fn output_beyond_the_limit_fails_and_stderr_says_so() {
    let (mut agent, _executor) = Agent::with_executor();
    let mut launch = agent.launch(CAT.as_bytes());
    let input = agent.path().join("input");
    fs::write(&input, "x".repeat(100_000)).unwrap();
    launch.stdin = text(&input);
    launch.output_limit = 10_000;
    let end = agent.run(&launch);
    assert_eq!(
        (end.state(), end.exit_code),
        (TaskState::Failed, Some(74)),
        "{end:?}"
    );
    assert_eq!(agent.output(&launch.launch_id, "stdout").len(), 10_000);
    assert_eq!(
        agent.output(&launch.launch_id, "stderr"),
        "\ninsula: the limit of 10000 bytes of output is reached; what followed was refused\n"
    );
}
