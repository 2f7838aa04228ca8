//! How tasks end, and that nothing of them stays.

use std::fs;

use insula_agent::shepherd::{Event, Request, Run, Status, TaskState};

use crate::agent::{Agent, is_alive, processes_in, trace, until};

/// A daemon that leaves its session, and a child that stays in it; both write their ids.
const SPREAD: &str = "setsid sh -c 'echo $$ >> pids; exec sleep 1000' & \
                      sh -c 'echo $$ >> pids; exec sleep 1000' & ";

#[tokio::test]
async fn codes_signals_and_usage_are_told() {
    let mut agent = Agent::new("codes");
    let welcome = agent.welcome().await;
    assert!(welcome.tasks.is_empty());

    let before = agent
        .start(agent.shell("a", "echo out; echo err >&2; exit 7"))
        .await;
    let exited = agent.end("a").await;
    assert_eq!(exited.status, Status::Code(7));
    assert!(exited.at_us >= before.at_us && exited.memory_peak_bytes > 0);
    assert!(!exited.oom_killed && !exited.pids_limit_hit);
    let read = |name: &str| fs::read_to_string(agent.sandbox("a").join(name)).unwrap();
    assert_eq!(
        (read("stdout"), read("stderr")),
        ("out\n".to_owned(), "err\n".to_owned())
    );

    agent.start(agent.shell("b", "kill -SEGV $$")).await;
    assert_eq!(agent.end("b").await.status, Status::Signal(11));
    agent.shut_down(&welcome.shepherd).await;
}

#[tokio::test]
async fn what_cannot_start_is_told_as_a_sentence() {
    let mut agent = Agent::new("fail");
    let welcome = agent.welcome().await;
    let mut missing = agent.shell("a", "");
    missing.run = Run::Argv(vec!["no-such-program".to_owned()]);
    let mut stranger = agent.shell("b", "true");
    stranger.user = Some("no-such-user".to_owned());
    let mut nowhere = agent.shell("c", "true");
    nowhere.cwd = "/no/such/dir".into();
    let expected = [
        "program \"no-such-program\" was not found in PATH (/usr/bin:/bin)",
        "there is no user \"no-such-user\" on this machine",
        "cannot enter the working directory /no/such/dir: No such file or directory (os error 2)",
    ];
    for (spec, expected) in [missing, stranger, nowhere].into_iter().zip(expected) {
        agent.send(Request::Start(Box::new(spec)));
        match agent.state().await {
            TaskState::StartFailed(failed) => assert_eq!(failed.error, expected),
            other => panic!("{other:?}"),
        }
    }
    agent.shut_down(&welcome.shepherd).await;
}

#[tokio::test]
async fn the_end_of_the_main_process_is_the_end_of_all() {
    for mut agent in [Agent::new("all"), Agent::bare("all-bare")] {
        let welcome = agent.welcome().await;
        // The main process waits for a word, so that its end cannot come before its children have written.
        agent
            .start(agent.shell(
                "a",
                &format!("{SPREAD} while [ ! -e go ]; do sleep 0.01; done"),
            ))
            .await;
        let children = processes_in(&agent.sandbox("a").join("pids"), 2);
        fs::write(agent.sandbox("a").join("go"), "").unwrap();
        assert_eq!(agent.end("a").await.status, Status::Code(0));
        assert!(!children.iter().any(is_alive));
        agent.shut_down(&welcome.shepherd).await;
    }
}

#[tokio::test]
async fn a_polite_task_ends_itself() {
    let mut agent = Agent::new("polite");
    let welcome = agent.welcome().await;
    let script = "trap 'exit 3' TERM; echo $$ > pids; while :; do sleep 0.01; done";
    agent.start(agent.shell("a", script)).await;
    processes_in(&agent.sandbox("a").join("pids"), 1);
    agent.kill("a", 60_000);
    assert_eq!(agent.end("a").await.status, Status::Code(3));

    // Asked again, the end is told again.
    agent.kill("a", 0);
    assert_eq!(agent.end("a").await.status, Status::Code(3));
    agent.kill("b", 0);
    assert_eq!(
        agent.event().await,
        Event::Unknown {
            id: "b".to_owned(),
            trace: trace()
        }
    );
    agent.shut_down(&welcome.shepherd).await;
}

#[tokio::test]
async fn a_stubborn_task_is_killed_after_its_grace_with_all_it_started() {
    for mut agent in [Agent::new("stubborn"), Agent::bare("stubborn-bare")] {
        let welcome = agent.welcome().await;
        let script = format!("trap '' TERM; {SPREAD} while :; do sleep 0.01; done");
        let started = agent.start(agent.shell("a", &script)).await;
        let children = processes_in(&agent.sandbox("a").join("pids"), 2);
        agent.kill("a", 100);
        assert_eq!(agent.end("a").await.status, Status::Signal(9));
        assert!(!is_alive(&started.process));
        assert!(!children.iter().any(is_alive));
        agent.shut_down(&welcome.shepherd).await;
    }
}

#[tokio::test]
async fn a_second_kill_shortens_the_grace_and_never_lengthens_it() {
    let mut agent = Agent::new("shorten");
    let welcome = agent.welcome().await;
    for id in ["a", "b"] {
        let script = "trap '' TERM; echo $$ > pids; while :; do sleep 0.01; done";
        agent.start(agent.shell(id, script)).await;
        processes_in(&agent.sandbox(id).join("pids"), 1);
    }
    agent.kill("a", 3_600_000);
    agent.kill("a", 0);
    assert_eq!(agent.end("a").await.status, Status::Signal(9));
    agent.kill("b", 50);
    agent.kill("b", 3_600_000);
    assert_eq!(agent.end("b").await.status, Status::Signal(9));
    agent.shut_down(&welcome.shepherd).await;
}

#[tokio::test]
async fn shutting_down_kills_what_runs_and_tells_it() {
    let mut agent = Agent::new("shutdown");
    let welcome = agent.welcome().await;
    let started = agent.start(agent.shell("a", "sleep 1000")).await;
    agent.send(Request::Shutdown);
    assert_eq!(agent.end("a").await.status, Status::Signal(9));
    assert!(!is_alive(&started.process));
    until("the shepherd is gone", || !is_alive(&welcome.shepherd));
    assert!(agent.groups().is_empty());
}
