//! Who outlives whom.

use std::fs;

use insula_agent::shepherd::{self, Request, Status, TaskState};
use insula_isolation::process::{Exit, PidFd, Signal};

use crate::agent::{Agent, is_alive, trace, until};
use crate::role;

#[tokio::test]
async fn an_agent_that_returns_finds_what_runs_and_what_ended_meanwhile() {
    let mut agent = Agent::new("returns");
    let first = agent.welcome().await;
    let runs = agent.start(agent.shell("runs", "sleep 1000")).await;
    let ends = agent
        .start(agent.shell("ends", "while [ ! -e go ]; do sleep 0.01; done; exit 4"))
        .await;
    agent.disconnect();
    fs::write(agent.sandbox("ends").join("go"), "").unwrap();
    until("the task ends", || !is_alive(&ends.process));

    let second = agent.welcome().await;
    assert_eq!(second.shepherd, first.shepherd);
    // The process ended, but the rest of its group may still be on the way out.
    let end = match second.tasks.first() {
        Some(TaskState::Exited(exited)) => exited.clone(),
        _ => agent.end("ends").await,
    };
    assert_eq!((end.id.as_str(), end.status), ("ends", Status::Code(4)));
    assert_eq!(second.tasks.get(1), Some(&TaskState::Started(runs)));
    agent.shut_down(&second.shepherd).await;
}

#[tokio::test]
async fn what_was_forgotten_is_not_told_again() {
    let mut agent = Agent::new("forget");
    agent.welcome().await;
    agent.start(agent.shell("a", "true")).await;
    agent.end("a").await;
    agent.start(agent.shell("b", "sleep 1000")).await;
    for id in ["a", "b", "c"] {
        agent.send(Request::Forget {
            id: id.to_owned(),
            trace: trace(),
        });
    }
    agent.disconnect();
    let welcome = agent.welcome().await;
    let ids: Vec<&str> = welcome.tasks.iter().map(TaskState::id).collect();
    // What runs cannot be forgotten. The last requests of a connection that is cut may be lost, so `a` may be there.
    assert!(ids == ["b"] || ids == ["a", "b"], "{ids:?}");
    agent.send(Request::Forget {
        id: "a".to_owned(),
        trace: trace(),
    });
    agent.kill("b", 0);
    agent.end("b").await;
    agent.send(Request::Forget {
        id: "b".to_owned(),
        trace: trace(),
    });
    agent.kill("b", 0);
    assert_eq!(
        agent.event().await,
        shepherd::Event::Unknown {
            id: "b".to_owned(),
            trace: trace()
        }
    );
    assert_eq!(
        fs::read(agent.options.dir.join("tasks.jsonl")).unwrap(),
        b"",
        "the log is empty"
    );
    agent.shut_down(&welcome.shepherd).await;
}

#[tokio::test]
async fn with_die_with_agent_everything_goes() {
    let mut agent = Agent::with("dies", |options| options.die_with_agent_ms = Some(30));
    let welcome = agent.welcome().await;
    let task = agent
        .start(agent.shell("a", "trap '' TERM; sleep 1000"))
        .await;
    agent.disconnect();
    until("the shepherd is gone", || !is_alive(&welcome.shepherd));
    assert!(!is_alive(&task.process));
    assert_eq!(agent.groups(), Vec::<std::path::PathBuf>::new());
}

#[tokio::test]
async fn a_shepherd_without_tasks_and_agent_goes() {
    let mut agent = Agent::with("idle", |options| options.linger_ms = 30);
    let welcome = agent.welcome().await;
    agent.start(agent.shell("a", "true")).await;
    agent.end("a").await;
    agent.send(Request::Forget {
        id: "a".to_owned(),
        trace: trace(),
    });
    agent.kill("a", 0);
    agent.event().await;
    assert!(is_alive(&welcome.shepherd), "an agent is there");
    agent.disconnect();
    until("the shepherd is gone", || !is_alive(&welcome.shepherd));
    assert!(agent.groups().is_empty());
}

#[tokio::test]
async fn an_end_that_nobody_has_forgotten_keeps_no_shepherd_but_is_told_by_the_next() {
    let mut agent = Agent::with("owed", |options| options.linger_ms = 30);
    let welcome = agent.welcome().await;
    agent.start(agent.shell("a", "exit 3")).await;
    agent.end("a").await;
    agent.disconnect();
    until("the shepherd is gone", || !is_alive(&welcome.shepherd));
    let next = agent.welcome().await;
    assert_ne!(next.shepherd, welcome.shepherd);
    assert!(
        matches!(&next.tasks[..], [TaskState::Exited(exited)] if exited.status == Status::Code(3)),
        "{next:?}"
    );
}

#[tokio::test]
async fn a_second_shepherd_of_a_directory_refuses() {
    let mut agent = Agent::new("second");
    let welcome = agent.welcome().await;
    let second = shepherd::spawn(&role::program(), &agent.options).unwrap();
    assert_ne!(second.wait().unwrap(), Exit::Code(0));
    let log = fs::read_to_string(agent.options.dir.join("shepherd.log")).unwrap();
    assert!(log.contains("Held"), "{log}");
    assert!(is_alive(&welcome.shepherd));
    let identity = fs::read_to_string(agent.options.dir.join("identity.json")).unwrap();
    assert!(identity.contains(&welcome.shepherd.boot_id), "{identity}");
    agent.shut_down(&welcome.shepherd).await;
}

#[tokio::test]
async fn a_shepherd_that_was_killed_loses_its_tasks_but_leaves_none_running() {
    for mut agent in [Agent::new("lost"), Agent::bare("lost-bare")] {
        let first = agent.welcome().await;
        let done = agent.start(agent.shell("done", "exit 6")).await;
        let done = (done.id, agent.end("done").await.status);
        let runs = agent
            .start(agent.shell("runs", "setsid sleep 1000 & sleep 1000"))
            .await;
        PidFd::open(first.shepherd.pid)
            .unwrap()
            .unwrap()
            .signal(Signal::Kill)
            .unwrap();

        let second = agent.welcome().await;
        assert_ne!(second.shepherd, first.shepherd);
        assert!(!is_alive(&runs.process));
        let ends: Vec<(String, Status)> = second.tasks.iter().map(end).collect();
        assert_eq!(ends[0], done);
        assert!(
            matches!(&ends[1], (id, Status::Lost { because }) if id == "runs" && because.contains("killed"))
        );

        // Also across a shepherd's death a launch id starts at most once.
        agent.send(Request::Start(Box::new(agent.shell("runs", "touch again"))));
        assert_eq!(agent.end("runs").await.status, ends[1].1);
        assert!(!agent.sandbox("runs").join("again").exists());
        agent.shut_down(&second.shepherd).await;
    }
}

fn end(state: &TaskState) -> (String, Status) {
    match state {
        TaskState::Exited(exited) => (exited.id.clone(), exited.status.clone()),
        other => panic!("{other:?} is no end"),
    }
}
