//! The executor and its agent: what is told when, and what survives whom.
#![allow(clippy::unwrap_used)]

mod support;

use insula_proto::insula::wasm::v1::{Launch, Reason, TaskState, event};
use insula_wasm_executor::{executor, samples};
use support::Agent;

const SPIN: &str = r#"(module (memory (export "memory") 1)
    (func (export "_start") (loop $again (br $again))))"#;

#[test]
fn running_is_told_before_the_end() {
    let (mut agent, _executor) = Agent::with_executor();
    let launch = agent.launch(samples::HELLO.as_bytes());
    agent.start(&launch);
    let (first, second) = (agent.update(), agent.update());
    assert_eq!(
        (first.state(), second.state()),
        (TaskState::Running, TaskState::Finished)
    );
    assert!(first.at_unix_us > 0 && first.at_unix_us <= second.at_unix_us);
    assert_eq!(second.message, "exited with code 0");
}

#[test]
fn a_launch_starts_once_however_often_it_is_sent() {
    let (mut agent, _executor) = Agent::with_executor();
    let launch = agent.launch(samples::HELLO.as_bytes());
    let first = agent.run(&launch);
    let again = agent.run(&launch);
    assert_eq!(first, again);
    assert_eq!(agent.output(&launch.launch_id, "stdout"), "Hello, world!\n");
}

#[test]
fn tasks_outlive_the_agent_and_ends_are_told_until_acknowledged() {
    let (mut agent, _executor) = Agent::with_executor();
    let spinning = agent.launch(SPIN.as_bytes());
    let hello = agent.launch(samples::HELLO.as_bytes());
    agent.start(&spinning);
    agent.wait_running(&spinning.launch_id);
    let end = agent.run(&hello);
    agent.disconnect();

    let told = agent.accept().tasks;
    let states: Vec<_> = told
        .iter()
        .map(|task| (task.launch_id.as_str(), task.state()))
        .collect();
    assert_eq!(
        states,
        [
            (spinning.launch_id.as_str(), TaskState::Running),
            (hello.launch_id.as_str(), TaskState::Finished),
        ]
    );
    assert_eq!(told[1], end);
    agent.acknowledge(&hello.launch_id);
    agent.kill(&spinning.launch_id);
    agent.end(&spinning.launch_id);
    agent.disconnect();

    let told = agent.accept().tasks;
    assert_eq!(told.len(), 1);
    assert_eq!(
        (told[0].launch_id.as_str(), told[0].state()),
        (spinning.launch_id.as_str(), TaskState::Killed)
    );
}

#[test]
fn an_executor_without_agent_and_launches_ends() {
    let (mut agent, executor) = Agent::with_executor();
    let launch = agent.launch(samples::HELLO.as_bytes());
    agent.run(&launch);
    agent.acknowledge(&launch.launch_id);
    // The kill's answer shows that the acknowledgement before it has been read.
    agent.kill(&launch.launch_id);
    assert_eq!(agent.update().reason(), Reason::UnknownLaunch);
    drop(agent);
    executor.join().unwrap().unwrap();
}

#[test]
fn a_shutdown_kills_tells_and_ends() {
    let (mut agent, executor) = Agent::with_executor();
    let launch = agent.launch(SPIN.as_bytes());
    agent.start(&launch);
    agent.wait_running(&launch.launch_id);
    agent.shutdown();
    assert_eq!(agent.end(&launch.launch_id).state(), TaskState::Killed);
    executor.join().unwrap().unwrap();
}

#[test]
fn launches_beyond_the_slots_wait_and_can_be_killed_there() {
    let mut agent = Agent::new();
    let options = executor::Options {
        slots: 1,
        ..agent.options()
    };
    let _executor = std::thread::spawn(move || executor::serve(options));
    agent.accept();
    let running = agent.launch(SPIN.as_bytes());
    let waiting = agent.launch(SPIN.as_bytes());
    agent.start(&running);
    agent.wait_running(&running.launch_id);
    agent.start(&waiting);
    // A repeated launch answers with its state.
    agent.start(&waiting);
    let state = agent.update();
    assert_eq!(
        (state.launch_id.as_str(), state.state()),
        (waiting.launch_id.as_str(), TaskState::Queued)
    );
    agent.kill(&waiting.launch_id);
    let end = agent.end(&waiting.launch_id);
    assert_eq!(
        (end.state(), end.message.as_str()),
        (TaskState::Killed, "killed before it started")
    );
    agent.kill(&running.launch_id);
    agent.end(&running.launch_id);
}

#[test]
fn launches_beyond_the_table_are_refused() {
    let mut agent = Agent::new();
    let options = executor::Options {
        launches_max: 1,
        ..agent.options()
    };
    let _executor = std::thread::spawn(move || executor::serve(options));
    agent.accept();
    let held = agent.launch(SPIN.as_bytes());
    let refused = agent.launch(samples::HELLO.as_bytes());
    agent.start(&held);
    let end = agent.run(&refused);
    assert_eq!(
        (end.state(), end.reason()),
        (TaskState::Failed, Reason::StartFailed)
    );
    assert!(
        end.message.contains("already holds 1 launches"),
        "{}",
        end.message
    );
    agent.kill(&held.launch_id);
    agent.end(&held.launch_id);
    agent.acknowledge(&held.launch_id);
    assert_eq!(agent.run(&refused).state(), TaskState::Finished);
}

#[test]
fn a_launch_that_makes_no_sense_fails_with_its_reason() {
    let (mut agent, _executor) = Agent::with_executor();
    let valid = agent.launch(samples::HELLO.as_bytes());
    let foreign = agent.path().join("other.cwasm").display().to_string();
    let missing = agent
        .path()
        .join("cache/missing.cwasm")
        .display()
        .to_string();
    let nowhere = agent.path().join("nowhere").display().to_string();
    for (number, (launch, part)) in [
        (
            Launch {
                memory_limit: 0,
                ..valid.clone()
            },
            "no memory limit",
        ),
        (
            Launch {
                sandbox: "relative".to_owned(),
                ..valid.clone()
            },
            "not an absolute path",
        ),
        (
            Launch {
                artifact: foreign,
                ..valid.clone()
            },
            "is not in the cache",
        ),
        (
            Launch {
                artifact: missing,
                ..valid.clone()
            },
            "cannot load",
        ),
        (
            Launch {
                sandbox: nowhere,
                ..valid.clone()
            },
            "cannot open the output file",
        ),
        (
            Launch {
                stdin: "/nowhere".to_owned(),
                ..valid.clone()
            },
            "cannot open stdin",
        ),
    ]
    .into_iter()
    .enumerate()
    {
        let end = agent.run(&Launch {
            launch_id: format!("bad-{number}"),
            ..launch
        });
        assert_eq!(
            (end.state(), end.reason()),
            (TaskState::Failed, Reason::StartFailed)
        );
        assert!(end.message.contains(part), "{}", end.message);
    }
}

#[test]
fn many_tasks_end_each_with_its_own_output() {
    let (mut agent, _executor) = Agent::with_executor();
    let launches: Vec<_> = (0..300)
        .map(|number| Launch {
            args: vec![format!("task {number}")],
            ..agent.launch(samples::HELLO.as_bytes())
        })
        .collect();
    agent.send(launches.iter().cloned().map(event::Event::Launch).collect());
    let mut ended = 0;
    while ended < launches.len() {
        let update = agent.update();
        if support::is_terminal(update.state()) {
            assert_eq!(update.state(), TaskState::Finished, "{update:?}");
            ended += 1;
        }
    }
    for (number, launch) in launches.iter().enumerate() {
        let output = agent.output(&launch.launch_id, "stdout");
        assert_eq!(output, format!("Hello, task {number}!\n"));
    }
}

#[test]
fn a_peer_that_does_not_keep_to_the_protocol_is_left() {
    let (mut agent, _executor) = Agent::with_executor();
    let launch = agent.launch(SPIN.as_bytes());
    agent.start(&launch);
    agent.wait_running(&launch.launch_id);
    agent.send_raw(&[0xff; 16]);
    // The executor connects anew, and its task runs on.
    let told = agent.accept().tasks;
    assert_eq!((told.len(), told[0].state()), (1, TaskState::Running));
    agent.kill(&"x".repeat(1_000));
    assert_eq!(agent.accept().tasks, told);
}
