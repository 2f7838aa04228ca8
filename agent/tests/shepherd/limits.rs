//! Limits and surroundings of a task.

use std::env;
use std::fs::{self, File};
use std::io::Write;
use std::process::Command;

use insula_agent::shepherd::{Limits, Status, Stdin};
use insula_isolation::cgroup::Enforcement;

use crate::agent::{Agent, processes_in};

/// Whether the machine enforces it. If not, that is said and the test ends with no verdict, unless
/// `INSULA_TEST_REQUIRE` names it, as in the machines that `infra/guest` makes.
fn is_enforced(what: &str, enforcement: &Enforcement) -> bool {
    let Enforcement::NotEnforced { because } = enforcement else {
        return true;
    };
    let required = env::var("INSULA_TEST_REQUIRE").unwrap_or_default();
    assert!(
        !required.split(',').any(|name| name == what),
        "{what}: required here, but not enforced: {because}"
    );
    eprintln!("skipped: {what}: {because}");
    false
}

#[tokio::test]
async fn a_refused_fork_is_told() {
    let mut agent = Agent::new("pids");
    let welcome = agent.welcome().await;
    if is_enforced("pids", &welcome.enforced.pids) {
        let mut spec = agent.shell("a", "sleep 1000 & sleep 1000 & sleep 1000 & exit 0");
        spec.limits.pids = Some(3);
        agent.start(spec).await;
        let exited = agent.end("a").await;
        assert!(exited.pids_limit_hit, "{exited:?}");
    }
    agent.shut_down(&welcome.shepherd).await;
}

#[tokio::test]
async fn a_task_that_needs_more_memory_than_its_limit_is_killed_whole() {
    const LIMIT: u64 = 32 << 20;
    let mut agent = Agent::new("memory");
    let welcome = agent.welcome().await;
    if is_enforced("memory", &welcome.enforced.memory) {
        // One buffer of 100 MiB.
        let script = "sleep 1000 & exec dd if=/dev/zero of=/dev/null bs=104857600 count=1";
        let mut spec = agent.shell("a", script);
        spec.limits.mem_bytes = Some(LIMIT);
        agent.start(spec).await;
        let exited = agent.end("a").await;
        assert_eq!(exited.status, Status::Signal(9));
        assert!(
            exited.oom_killed && exited.memory_peak_bytes <= LIMIT,
            "{exited:?}"
        );
    }
    agent.shut_down(&welcome.shepherd).await;
}

#[tokio::test]
async fn weight_and_quota_are_the_kernels() {
    let mut agent = Agent::new("quota");
    let welcome = agent.welcome().await;
    if is_enforced("cpu", &welcome.enforced.cpu) {
        let mut spec = agent.shell("a", "echo $$ > pids; sleep 1000");
        spec.limits = Limits {
            cpu_millis: Some(500),
            cpu_quota_millis: Some(250),
            ..Limits::default()
        };
        agent.start(spec).await;
        processes_in(&agent.sandbox("a").join("pids"), 1);
        let read = |name: &str| {
            agent
                .groups()
                .iter()
                .find_map(|dir| fs::read_to_string(dir.join("a").join(name)).ok())
        };
        let (v1, v2) = (read("cpu.cfs_quota_us"), read("cpu.max"));
        assert!(
            v1.as_deref() == Some("25000\n") || v2.as_deref() == Some("25000 100000\n"),
            "{v1:?} {v2:?}"
        );
        agent.kill("a", 0);
        assert_eq!(agent.end("a").await.status, Status::Signal(9));
        assert!(
            agent.groups().iter().all(|dir| !dir.join("a").exists()),
            "the task's groups are gone"
        );
    }
    agent.shut_down(&welcome.shepherd).await;
}

#[tokio::test]
async fn a_task_gets_its_environment_and_nothing_else() {
    let mut agent = Agent::new("env");
    let welcome = agent.welcome().await;
    let mut spec = agent.shell("a", "env; grep NoNewPrivs /proc/self/status; cat");
    spec.env.push(("GREETING".to_owned(), "salve".to_owned()));
    agent.start(spec).await;
    assert_eq!(agent.end("a").await.status, Status::Code(0));
    let text = fs::read_to_string(agent.sandbox("a").join("stdout")).unwrap();
    assert!(
        text.contains("GREETING=salve\n") && text.contains("NoNewPrivs:\t1\n"),
        "{text}"
    );
    assert!(
        !text.contains("CARGO") && !text.contains("INSULA"),
        "{text}"
    );
    agent.shut_down(&welcome.shepherd).await;
}

#[tokio::test]
async fn standard_input_comes_through_a_fifo() {
    let mut agent = Agent::new("stdin");
    let welcome = agent.welcome().await;
    let mut spec = agent.shell("a", "read line; echo got $line; cat");
    let path = spec.cwd.join("stdin");
    assert!(
        Command::new("mkfifo")
            .arg(&path)
            .status()
            .unwrap()
            .success()
    );
    let mut writer = File::options().read(true).write(true).open(&path).unwrap();
    spec.stdin = Stdin::Fifo(path);
    agent.start(spec).await;
    writer.write_all(b"one\ntwo\n").unwrap();
    drop(writer);
    assert_eq!(agent.end("a").await.status, Status::Code(0));
    let text = fs::read_to_string(agent.sandbox("a").join("stdout")).unwrap();
    assert_eq!(text, "got one\ntwo\n");
    agent.shut_down(&welcome.shepherd).await;
}
