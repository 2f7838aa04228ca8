//! What it costs to run `/bin/true`: plainly, in a control group of its own, and through the shepherd.
//!
//! `cargo bench -p insula-agent --bench launch`. Compare the lines of one run with each other, not with those of
//! another machine.

#![allow(clippy::unwrap_used, clippy::print_stdout)]

use std::ffi::OsString;
use std::fs;
use std::time::{Duration, Instant};

use clap::Parser;
use insula_agent::shepherd::{
    self, Client, Event, Kind, Limits, Options, Program, Request, Run, StartSpec, Stdin, TaskState,
};
use insula_isolation::cgroup::{self, CpuLimit, Delegation, Parent, Plan};
use insula_isolation::process::{Exit, Identity};
use insula_isolation::spawn::{Command, Namespaces};
use insula_types::TraceContext;

const LAUNCHES: usize = 300;
const TRUE: &str = "/bin/true";
const DEADLINE: Duration = Duration::from_secs(10);

#[derive(clap::Parser)]
struct Line {
    #[command(flatten)]
    options: Options,
}

fn main() {
    let args: Vec<OsString> = std::env::args_os().collect();
    if args.get(1).is_some_and(|arg| arg == "shepherd") {
        shepherd::run(&Line::parse_from(&args[1..]).options).unwrap();
        return;
    }
    // `cargo test --benches` runs this too, and has no use for figures.
    if args.iter().any(|arg| arg == "--bench") {
        bare();
        grouped();
        tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap()
            .block_on(kept());
    }
}

fn report(what: &str, mut times: Vec<Duration>) {
    times.sort();
    let at = |percent: usize| times[(times.len() - 1) * percent / 100].as_micros();
    println!("{what:<58} p50 {:>6} us   p99 {:>6} us", at(50), at(99));
}

fn measure(mut once: impl FnMut(usize)) -> Vec<Duration> {
    (0..LAUNCHES)
        .map(|index| {
            let began = Instant::now();
            once(index);
            began.elapsed()
        })
        .collect()
}

fn bare() {
    let std = measure(|_| assert!(std::process::Command::new(TRUE).status().unwrap().success()));
    report("the standard library: spawn and wait", std);
    let own = measure(|_| assert!(is_success(Command::new([TRUE]))));
    report("clone3 and exec: spawn and wait", own);
    let apart = || {
        let mut command = Command::new([TRUE]);
        command.namespaces = Namespaces {
            mount: true,
            ipc: true,
        };
        command.start()
    };
    if apart().is_ok_and(|child| child.wait().is_ok()) {
        let own = measure(|_| assert_eq!(apart().unwrap().wait().unwrap(), Exit::Code(0)));
        report("clone3 and exec with its own mounts and IPC", own);
    }
}

fn is_success(command: Command) -> bool {
    command.start().unwrap().wait().unwrap() == Exit::Code(0)
}

fn limits(millis: Option<u64>) -> cgroup::Limits {
    let cpu = millis.map(|request_millis| CpuLimit {
        request_millis,
        quota_millis: None,
    });
    cgroup::Limits {
        cpu,
        ..cgroup::Limits::default()
    }
}

fn grouped() {
    let plan = Plan::detect(&Delegation::default());
    println!(
        "limits: cpu {:?}, memory {:?}, pids {:?}",
        plan.cpu, plan.memory, plan.pids
    );
    let path = format!("insula-bench/plain-{}", std::process::id())
        .parse()
        .unwrap();
    let Ok(parent) = Parent::open(&plan, &path) else {
        println!("no control groups here");
        return;
    };
    for (what, millis) in [
        ("a group without limits", None),
        ("a group with a cpu weight", Some(100)),
    ] {
        let times = measure(|index| {
            let name = format!("t{index}").parse().unwrap();
            let group = parent.create(&name, &limits(millis)).unwrap();
            let mut command = Command::new([TRUE]);
            command.cgroup = Some(group.entry().unwrap());
            assert!(is_success(command));
            group.destroy(DEADLINE).unwrap();
        });
        report(&format!("clone3 and exec in {what}"), times);
    }
    parent.remove();
}

/// What the agent sees: from the request to the news of the end.
async fn kept() {
    let dir = tempfile::tempdir().unwrap();
    let parent = format!("insula-bench/kept-{}", std::process::id());
    for (what, parent, millis) in [
        ("without groups", None, None),
        ("in a group without limits", Some(parent.clone()), None),
        ("in a group with a cpu weight", Some(parent), Some(100)),
    ] {
        let mut options = Options::new(dir.path().join(what), parent);
        options.die_with_agent_ms = Some(5000);
        let program = Program {
            exe: std::env::current_exe().unwrap(),
            args: vec!["shepherd".into()],
        };
        let mut client = Client::new(program, options, TraceContext::start(1, 1, false));
        let Event::Welcome(welcome) = client.next().await.unwrap() else {
            panic!("no welcome")
        };
        let spec = |id: String| StartSpec {
            cgroup: id.parse().unwrap(),
            id,
            kind: Kind::Task,
            run: Run::Argv(vec![TRUE.to_owned()]),
            env: Vec::new(),
            cwd: dir.path().to_owned(),
            stdin: Stdin::Null,
            stdout: "/dev/null".into(),
            stderr: "/dev/null".into(),
            limits: Limits {
                cpu_millis: millis,
                ..Limits::default()
            },
            user: None,
            trace: TraceContext::default(),
        };
        one_by_one(&mut client, what, &spec).await;
        all_at_once(&mut client, what, &spec).await;
        memory(&welcome.shepherd);
        client.send_leave().unwrap();
        while welcome.shepherd.is_alive().unwrap() {
            tokio::task::yield_now().await;
        }
    }
}

async fn one_by_one(client: &mut Client, what: &str, spec: &impl Fn(String) -> StartSpec) {
    let (mut started, mut ended) = (Vec::new(), Vec::new());
    for index in 0..LAUNCHES {
        let began = Instant::now();
        client
            .send(&Request::Start(Box::new(spec(format!("o{index}")))))
            .unwrap();
        wait_for(client, |state| matches!(state, TaskState::Started(_))).await;
        started.push(began.elapsed());
        wait_for(client, |state| matches!(state, TaskState::Exited(_))).await;
        ended.push(began.elapsed());
        client
            .send(&Request::Forget {
                id: format!("o{index}"),
                trace: TraceContext::default(),
            })
            .unwrap();
    }
    report(&format!("the shepherd, {what}: until started"), started);
    report(&format!("the shepherd, {what}: until ended"), ended);
}

async fn all_at_once(client: &mut Client, what: &str, spec: &impl Fn(String) -> StartSpec) {
    let began = Instant::now();
    for index in 0..LAUNCHES {
        client
            .send(&Request::Start(Box::new(spec(format!("a{index}")))))
            .unwrap();
    }
    for _ in 0..LAUNCHES {
        wait_for(client, |state| matches!(state, TaskState::Exited(_))).await;
    }
    let per_task = began.elapsed() / u32::try_from(LAUNCHES).unwrap();
    println!(
        "{:<58} each {per_task:?}",
        format!("the shepherd, {what}: {LAUNCHES} at once")
    );
}

async fn wait_for(client: &mut Client, wanted: impl Fn(&TaskState) -> bool) {
    loop {
        match client.next().await.unwrap() {
            Event::Task(TaskState::StartFailed(failed)) => panic!("{}", failed.error),
            Event::Task(state) if wanted(&state) => return,
            _ => {}
        }
    }
}

fn memory(shepherd: &Identity) {
    let status = fs::read_to_string(format!("/proc/{}/status", shepherd.pid)).unwrap();
    let lines = status
        .lines()
        .filter(|line| line.starts_with("VmRSS") || line.starts_with("RssAnon"));
    println!(
        "the shepherd's memory: {}",
        lines
            .collect::<Vec<_>>()
            .join(", ")
            .replace(['\t', ' '], "")
    );
}
