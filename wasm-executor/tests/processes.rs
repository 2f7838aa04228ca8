//! The roles as processes of their own: confined, limited, answering on stdout.
//!
//! The binary that has the roles belongs to another crate, so this test program starts itself: its
//! test `role` becomes the role that a variable names.
#![allow(clippy::unwrap_used)]

mod support;

use std::env;
use std::fs;
use std::io::{Read as _, Write as _};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};

use insula_proto::insula::wasm::v1::{CompileResult, TaskState, compile_result::Outcome};
use insula_wasm_executor::{compiler, executor, samples};
use prost::Message as _;
use support::{Agent, text, trace};

/// What follows it on stdout is the role's; what precedes it is the test harness's.
const MARK: &[u8] = b"--- the role begins ---\n";

/// The variable that names the role to become.
const ROLE: &str = "TEST_ROLE";

/// A role that does not outlive its test.
struct Role(Child);

impl Role {
    fn start(role: &str, variables: &[(&str, String)]) -> Self {
        let child = Command::new(env::current_exe().unwrap())
            .args(["--exact", "role", "--nocapture"])
            .env(ROLE, role)
            .env("TRACEPARENT", trace().traceparent)
            .env("TRACESTATE", trace().tracestate)
            .envs(variables.iter().map(|(name, value)| (name, value)))
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn();
        Self(child.unwrap())
    }

    fn wait(mut self) -> ExitStatus {
        self.0.wait().unwrap()
    }
}

impl Drop for Role {
    fn drop(&mut self) {
        // Both do nothing once the process was waited for.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn begin() {
    let mut stdout = std::io::stdout();
    stdout.write_all(MARK).unwrap();
    stdout.flush().unwrap();
}

fn answer(mut role: Role) -> Outcome {
    let mut output = Vec::new();
    role.0
        .stdout
        .take()
        .unwrap()
        .read_to_end(&mut output)
        .unwrap();
    let status = role.wait();
    assert!(status.success(), "{status}");
    let at = output
        .windows(MARK.len())
        .position(|window| window == MARK)
        .unwrap();
    let (length, message) = output[at + MARK.len()..].split_first_chunk::<4>().unwrap();
    assert_eq!(u32::from_be_bytes(*length) as usize, message.len());
    let result = CompileResult::decode(message).unwrap();
    assert_eq!(result.trace, Some(trace()));
    result.outcome.unwrap()
}

fn compile(folder: &Path, bytes: &[u8], cpu_seconds: u64) -> Outcome {
    let (module, cache) = (folder.join("module"), folder.join("cache"));
    fs::write(&module, bytes).unwrap();
    answer(Role::start(
        "compiler",
        &[
            ("TEST_MODULE", text(&module)),
            ("TEST_CACHE", text(&cache)),
            ("TEST_CPU_SECONDS", cpu_seconds.to_string()),
        ],
    ))
}

/// Not a test but the role of one; it does nothing in a usual run.
#[test]
fn role() {
    match env::var(ROLE).as_deref() {
        Ok("compiler") => compiler_role(),
        Ok("probe") => probe_role(),
        Ok("executor") => executor_role(),
        Ok(unknown) => panic!("there is no role {unknown}"),
        Err(_) => {}
    }
}

fn compiler_role() {
    let path = |name| env::var_os(name).unwrap().into();
    let options = compiler::Options {
        cpu_seconds: env::var("TEST_CPU_SECONDS").unwrap().parse().unwrap(),
        ..compiler::Options::new(path("TEST_MODULE"), path("TEST_CACHE"))
    };
    begin();
    let code = compiler::run(&options);
    std::process::exit(i32::from(code != std::process::ExitCode::SUCCESS));
}

fn probe_role() {
    begin();
    compiler::probe();
    std::process::exit(0);
}

fn executor_role() {
    let path = |name| env::var_os(name).unwrap().into();
    let token = executor::Token("secret".to_owned());
    let options = executor::Options::new(path("TEST_SOCKET"), path("TEST_CACHE"), token);
    executor::run(options).unwrap();
    std::process::exit(0);
}

#[test]
fn the_compiler_answers_on_stdout() {
    let agent = Agent::new();
    let module = wat::parse_str(samples::PRIMES).unwrap();
    let Outcome::Compiled(compiled) = compile(agent.path(), &module, 60) else {
        panic!("not compiled");
    };
    assert!(agent.path().join("cache").join(&compiled.file).is_file());
    let Outcome::Probed(probed) = answer(Role::start("probe", &[])) else {
        panic!("not probed")
    };
    assert_eq!(
        compiled.file,
        format!("{}-{}.cwasm", compiled.digest, probed.engine_key)
    );
    let Outcome::Refused(refused) = compile(agent.path(), b"no module", 60) else {
        panic!("not refused");
    };
    assert!(
        refused.reason.starts_with("the file is not WebAssembly"),
        "{}",
        refused.reason
    );
}

#[test]
fn a_module_made_to_be_expensive_is_given_up() {
    let agent = Agent::new();
    let Outcome::Refused(refused) = compile(agent.path(), &expensive(), 1) else {
        panic!("not refused");
    };
    assert_eq!(
        refused.reason,
        "the module needs more than 1 s of processor time to compile; make it smaller or simpler"
    );
    assert_eq!(fs::read_dir(agent.path().join("cache")).unwrap().count(), 0);
}

/// Functions of many locals, each used in every branch of a long chain: minutes of work for a
/// register allocator, from a short file.
fn expensive() -> Vec<u8> {
    let locals: String = (0..400)
        .map(|local| format!("(local $l{local} i32)"))
        .collect();
    let body: String = (0..4_000)
        .map(|step| {
            let (a, b) = (step * 7 % 400, step * 13 % 400);
            format!(
                "(if (local.get $l{a}) (then (local.set $l{b} (i32.add (local.get $l{a}) (local.get $l{b})))))"
            )
        })
        .collect();
    let functions: String = (0..20)
        .map(|number| format!("(func $f{number} {locals} {body})"))
        .collect();
    wat::parse_str(format!("(module {functions} (func (export \"_start\")))")).unwrap()
}

/// What `/proc` says of the threads that run guests.
fn guest_threads(pid: u32) -> Vec<String> {
    fs::read_dir(format!("/proc/{pid}/task"))
        .unwrap()
        .map(|thread| fs::read_to_string(thread.unwrap().path().join("status")).unwrap())
        .filter(|status| status.starts_with("Name:\tguest\n"))
        .collect()
}

#[test]
fn the_executor_process_is_confined() {
    let mut agent = Agent::new();
    let role = Role::start(
        "executor",
        &[
            ("TEST_SOCKET", text(&agent.path().join("socket"))),
            ("TEST_CACHE", text(&agent.path().join("cache"))),
        ],
    );
    let subscribe = agent.accept();
    assert_eq!(subscribe.pid, role.0.id());
    let guests = guest_threads(role.0.id());
    assert!(!guests.is_empty());
    assert!(
        guests
            .iter()
            .all(|status| status.contains("NoNewPrivs:\t1")),
        "{guests:?}"
    );
    let limits = fs::read_to_string(format!("/proc/{}/limits", role.0.id())).unwrap();
    let core = limits
        .lines()
        .find(|line| line.starts_with("Max core file size"))
        .unwrap();
    assert_eq!(
        core.split_whitespace().skip(4).take(2).collect::<Vec<_>>(),
        ["0", "0"]
    );
    let launch = agent.launch(samples::HELLO.as_bytes());
    assert_eq!(agent.run(&launch).state(), TaskState::Finished);
    agent.shutdown();
    assert!(role.wait().success());
}
