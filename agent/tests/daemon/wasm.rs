//! Wasm tasks with a compiler that compiles nothing and an executor that runs nothing: what the
//! agent says to both, and what it makes of their answers.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::time::SystemTime;

use insula_agent::shepherd::Program;
use insula_agent::{EXECUTOR_TOKEN, Options, ShutdownMode, WasmPrograms};
use insula_proto::insula::wasm::v1;
use insula_telemetry::names::span;
use insula_types::message::CommandBody;
use insula_types::task::Exit;
use insula_types::{Reason, Span, TaskState};
use prost::Message;
use sha2::{Digest, Sha256};

use crate::cluster::{self, Session, launch_id};
use crate::machine::{Agent, Machine};
use crate::role;
use crate::service::{self, Running};
use crate::traces;

/// Answers a probe with the key `k`, and refuses modules that hold the word "bad". The frames are
/// written by hand: `CompileResult { probed { engine_key } | compiled { file } | refused { reason } }`.
const COMPILER: &str = r#"
if [ "$1" = --probe ]; then printf '\000\000\000\005\032\003\012\001k'; exit; fi
if grep -q bad "$2"; then printf '\000\000\000\011\022\007\012\005no go'; exit; fi
echo compiled >> "$4/../compilations"
touch "$4/$6-k.cwasm"
printf '\000\000\000\114\012\112\012\110%s-k.cwasm' "$6"
"#;

fn programs() -> WasmPrograms {
    let args = ["-c", COMPILER, "compiler"].map(OsString::from).to_vec();
    WasmPrograms {
        executor: role::program_of("wasm::executor"),
        compiler: Program {
            exe: "/bin/sh".into(),
            args,
        },
    }
}

/// Not a test but the executor of one; it does nothing in a usual run.
///
/// A task ends as its first argument says: `exit N`, `trap`, `wait` (for a kill), or `die`, which
/// takes the executor with it.
#[test]
fn executor() {
    let mut words = std::env::args().skip_while(|word| word != "--").skip(1);
    let mut options = BTreeMap::new();
    while let (Some(name), Some(value)) = (words.next(), words.next()) {
        options.insert(name, value);
    }
    if !options.is_empty() {
        FakeExecutor::connect(&options).run();
    }
}

struct FakeExecutor {
    stream: UnixStream,
    /// Of what it heard last; at first, of its environment.
    trace: Option<v1::Trace>,
}

fn now_us() -> i64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    i64::try_from(since.unwrap().as_micros()).unwrap()
}

impl FakeExecutor {
    fn connect(options: &BTreeMap<String, String>) -> Self {
        let stream = UnixStream::connect(&options["--socket"]).unwrap();
        let variable = |name| std::env::var(name).unwrap_or_default();
        let trace = v1::Trace {
            traceparent: variable("TRACEPARENT"),
            tracestate: variable("TRACESTATE"),
        };
        assert!(trace.traceparent.starts_with("00-"), "{trace:?}");
        let mut executor = Self {
            stream,
            trace: Some(trace),
        };
        executor.say(v1::call::Call::Subscribe(v1::Subscribe {
            framework_id: options["--framework-id"].clone(),
            executor_id: options["--executor-id"].clone(),
            token: std::env::var(EXECUTOR_TOKEN).unwrap(),
            engine_key: "k".to_owned(),
            pid: std::process::id(),
            ..v1::Subscribe::default()
        }));
        executor
    }

    fn run(mut self) {
        while let Some(events) = self.hear() {
            for event in events.events {
                assert!(event.trace.is_some(), "{event:?} has no trace");
                self.trace = event.trace;
                match event.event {
                    Some(v1::event::Event::Launch(launch)) => self.launch(&launch),
                    Some(v1::event::Event::Kill(kill)) => {
                        let killed = v1::TaskState::Killed;
                        self.update(&kill.launch_id, killed, v1::Reason::Killed, None);
                    }
                    Some(v1::event::Event::Shutdown(_)) => return,
                    _ => {}
                }
            }
        }
    }

    fn launch(&mut self, launch: &v1::Launch) {
        let trace = self.trace.clone().unwrap();
        assert_eq!(trace.traceparent, launch.traceparent);
        assert_eq!(trace.tracestate, launch.tracestate);
        assert!(launch.artifact.ends_with("-k.cwasm") && launch.memory_limit > 0);
        let id = &launch.launch_id;
        self.update(id, v1::TaskState::Running, v1::Reason::Unspecified, None);
        match launch.args[0].split_once(' ') {
            Some(("exit", code)) => {
                let code: i32 = code.parse().unwrap();
                let state = if code == 0 {
                    v1::TaskState::Finished
                } else {
                    v1::TaskState::Failed
                };
                self.update(id, state, v1::Reason::Exit, Some(code));
            }
            _ if launch.args[0] == "trap" => {
                self.update(id, v1::TaskState::Failed, v1::Reason::Trap, None);
            }
            _ if launch.args[0] == "die" => std::process::abort(),
            _ => {}
        }
    }

    fn update(&mut self, id: &str, state: v1::TaskState, reason: v1::Reason, code: Option<i32>) {
        self.say(v1::call::Call::Update(v1::Update {
            launch_id: id.to_owned(),
            state: state.into(),
            reason: reason.into(),
            exit_code: code,
            message: if state == v1::TaskState::Failed {
                "it failed"
            } else {
                ""
            }
            .to_owned(),
            timings: Some(v1::Timings {
                queued: 1,
                instantiate: 1,
                run: 1,
            }),
            at_unix_us: now_us(),
            ..v1::Update::default()
        }));
    }

    fn say(&mut self, call: v1::call::Call) {
        let bytes = v1::Calls {
            calls: vec![v1::Call {
                call: Some(call),
                trace: self.trace.clone(),
            }],
        }
        .encode_to_vec();
        let length = u32::try_from(bytes.len()).unwrap().to_be_bytes();
        self.stream
            .write_all(&[&length[..], &bytes].concat())
            .unwrap();
    }

    fn hear(&mut self) -> Option<v1::Events> {
        let mut length = [0; 4];
        self.stream.read_exact(&mut length).ok()?;
        let mut bytes = vec![0; usize::try_from(u32::from_be_bytes(length)).unwrap()];
        self.stream.read_exact(&mut bytes).ok()?;
        v1::Events::decode(&bytes[..]).ok()
    }
}

const MODULE: &[u8] = b"a module";

async fn connected() -> (Running, Machine, Agent, Session) {
    let mut service = service::start().await;
    service.service.keep_module(MODULE);
    let machine = Machine::new(&service);
    let agent = machine.start_with(|options: &mut Options| {
        options.shutdown = ShutdownMode::KillTasks;
        options.wasm = Ok(programs());
    });
    let session = cluster::session(&mut service).await;
    (service, machine, agent, session)
}

async fn run(session: &mut Session, number: u64, module: &[u8], arg: &str) {
    let digest: String = Sha256::digest(module)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let wasm = format!(r#""wasm":{{"module":"sha256:{digest}","args":["{arg}"]}}"#);
    session
        .launch(number, insula_types::TaskKind::Wasm, &wasm)
        .await;
}

#[tokio::test]
async fn a_module_is_fetched_and_compiled_once_and_its_tasks_run() {
    let (_service, machine, agent, mut session) = connected().await;
    assert!(session.registration.info.capabilities.wasm);
    for number in 1..=3 {
        run(
            &mut session,
            number,
            MODULE,
            &format!("exit {}", number - 1),
        )
        .await;
    }
    let mut ends = BTreeMap::new();
    while ends.len() < 3 {
        let (launch, status) = session.update().await;
        session.acknowledge(launch, &status).await;
        if status.state.is_terminal() {
            ends.insert(launch.number, (status.state, status.exit));
        }
    }
    assert_eq!(ends[&1], (TaskState::Finished, Some(Exit::Code(0))));
    assert_eq!(ends[&2], (TaskState::Failed, Some(Exit::Code(1))));
    let log = std::fs::read_to_string(machine.work_dir().join("work/compilations")).unwrap();
    assert_eq!(log, "compiled\n");
    agent.stop().await;
}

#[tokio::test]
async fn a_waiting_task_is_killed() {
    let (_service, _machine, agent, mut session) = connected().await;
    run(&mut session, 1, MODULE, "wait").await;
    session.running(1).await;
    let grace = Some(Span::ZERO);
    session
        .command(CommandBody::Kill {
            launch: launch_id(1),
            grace,
        })
        .await;
    assert_eq!(session.end(1).await.state, TaskState::Killed);
    agent.stop().await;
}

#[tokio::test]
async fn an_executor_that_dies_fails_its_tasks_and_the_next_one_runs_others() {
    let (_service, _machine, agent, mut session) = connected().await;
    run(&mut session, 1, MODULE, "die").await;
    let failed = session.end(1).await;
    assert_eq!(
        (failed.state, failed.reason),
        (TaskState::Failed, Some(Reason::ExecutorTerminated))
    );
    run(&mut session, 2, MODULE, "exit 0").await;
    assert_eq!(session.end(2).await.state, TaskState::Finished);
    agent.stop().await;
}

#[tokio::test]
async fn a_module_that_cannot_be_had_or_compiled_fails_its_task_with_the_reason() {
    let (service, _machine, agent, mut session) = connected().await;
    run(&mut session, 1, b"nobody has it", "exit 0").await;
    let absent = session.end(1).await;
    assert_eq!(absent.reason, Some(Reason::ContainerLaunchFailed));
    assert!(
        absent.message.contains("there is no such module"),
        "{}",
        absent.message
    );
    service.service.keep_module(b"a bad module");
    run(&mut session, 2, b"a bad module", "exit 0").await;
    let refused = session.end(2).await;
    assert_eq!(refused.message, "no go");
    agent.stop().await;
}

#[tokio::test]
async fn an_executor_of_an_earlier_agent_is_gone_with_its_tasks_or_comes_back() {
    let (mut service, machine, agent, mut session) = connected().await;
    run(&mut session, 1, MODULE, "wait").await;
    session.running(1).await;
    // The fake executor does not connect again: it ends with its connection, as if it had crashed.
    agent.crash().await;
    let agent = machine.start_with(|options: &mut Options| {
        options.shutdown = ShutdownMode::KillTasks;
        options.wasm = Ok(programs());
    });
    let mut session = cluster::session(&mut service).await;
    let failed = session.end(1).await;
    assert_eq!(failed.reason, Some(Reason::ExecutorTerminated));
    run(&mut session, 2, MODULE, "trap").await;
    let trap = session.end(2).await;
    assert_eq!(
        (trap.state, trap.message.as_str()),
        (TaskState::Failed, "it failed")
    );
    agent.stop().await;
}

#[tokio::test]
async fn what_it_takes_to_run_a_module_are_steps_of_the_task_that_asked_first() {
    const NUMBER: u64 = 9_201;
    traces::record();
    let (_service, _machine, agent, mut session) = connected().await;
    for number in [NUMBER, NUMBER + 2] {
        run(&mut session, number, MODULE, "exit 0").await;
        assert_eq!(session.end(number).await.state, TaskState::Finished);
    }
    let both = [NUMBER, NUMBER + 2].map(traces::spans_of);
    for (name, times) in [
        (span::FETCH_MODULE, [1, 0]),
        (span::COMPILE, [1, 0]),
        (span::START, [1, 1]),
        (span::RUN, [1, 1]),
        (span::WAIT_FOR_SLOT, [1, 1]),
        (span::INSTANTIATE, [1, 1]),
    ] {
        let counts = [0, 1].map(|index: usize| traces::count(&both[index], name));
        assert_eq!(counts, times, "{name} in {both:?}");
    }
    agent.stop().await;
}
