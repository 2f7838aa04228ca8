//! What tracing costs: processor time for each task, from its submission to its acknowledged end, of
//! the control plane, the agent and whatever runs the task, by how many traces are recorded.
//!
//! Three sites of `insula dev` with an agent each stand side by side: one records nothing, one a
//! hundredth of the traces, one all of them, and what is recorded is exported to a receiver in this
//! program. They get the same work in turns, so that whatever else the machine does meets all alike.

mod sink;
mod tree;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use bytes::Bytes;
use insula_client::Client;
use insula_client::api::{SubmitTask, SubmitTasks, WhatToRun};
use tempfile::TempDir;

use crate::error::Error;
use crate::report::{self, Report};
use crate::site::{self, Process};
use sink::Sink;
use tree::processor_time;

/// A module that returns at once, in the text format.
const HELLO: &str = r#"(module (memory (export "memory") 1) (func (export "_start")))"#;
/// What each task needs: little, so that an agent runs many at once.
const RESOURCES: &str = "cpus:0.05;mem:16";
/// How long a site may take to serve and to have its agent.
const UP: Duration = Duration::from_secs(60);
/// Until queues have been exported and every process is quiet again.
const QUIET: Duration = Duration::from_secs(3);

/// What runs, and how often.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The program to measure [default: `insula` beside this one].
    #[arg(long, value_name = "FILE")]
    insula: Option<PathBuf>,
    /// Tasks in each turn.
    #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    tasks: u32,
    /// Turns of each site; one more before them is not counted.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    turns: u32,
    /// Run /bin/true instead of a Wasm module that returns at once.
    #[arg(long)]
    native: bool,
    /// How long a turn may take, in seconds.
    #[arg(long, default_value_t = 120)]
    timeout: u64,
}

/// How many traces a site records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Recorded {
    Nothing,
    Hundredth,
    All,
}

/// A site of its own.
struct Traced {
    recorded: Recorded,
    client: Client,
    work: SubmitTask,
    process: Process,
    per_task: Vec<Duration>,
    /// The processes end before their directory is removed.
    _dir: TempDir,
}

/// Runs the scenario and reports what was measured.
///
/// # Errors
/// If a site does not start, or the tasks do not end in time.
pub(crate) async fn run(arguments: &Arguments, report: Report) -> Result<(), Error> {
    let kind = if arguments.native {
        "/bin/true"
    } else {
        "Wasm"
    };
    let (tasks, turns) = (arguments.tasks, arguments.turns);
    report.title(&format!("tracing: {turns} turns of {tasks} tasks ({kind})"));
    let sink = Sink::open().await?;
    let mut sites = Vec::new();
    for recorded in [Recorded::Nothing, Recorded::Hundredth, Recorded::All] {
        sites.push(Traced::start(arguments, recorded, &sink).await?);
    }
    let timeout = Duration::from_secs(arguments.timeout);
    for turn in 0..=turns {
        let first = usize::try_from(turn).unwrap_or_default() % sites.len();
        for place in 0..sites.len() {
            let place = (first + place) % sites.len();
            let used = sites[place].turn(timeout).await?;
            if turn > 0 {
                sites[place].per_task.push(used / tasks);
            }
        }
        report::say(&format!("turn {turn} of {turns}"));
    }
    let (without, others) = sites.split_at(1);
    for site in &sites {
        let name = format!("processor time per task, {}", site.recorded);
        report.times(&name, &site.per_task);
    }
    for site in others {
        let share = median_of_ratios(&site.per_task, &without[0].per_task) - 1.0;
        let name = format!("more than without, {}", site.recorded);
        report.share(&name, share);
    }
    report.count("spans received", sink.spans());
    Ok(())
}

impl Traced {
    async fn start(arguments: &Arguments, recorded: Recorded, sink: &Sink) -> Result<Self, Error> {
        let dir = TempDir::with_prefix("insula-traced-")?;
        let address = site::free_address()?;
        let mut command = Command::new(match &arguments.insula {
            Some(path) => std::path::absolute(path)?,
            None => std::env::current_exe()?.with_file_name("insula"),
        });
        command.args(["dev", "--agents", "1", "--listen", &address.to_string()]);
        command.arg("--data-dir").arg(dir.path().join("data"));
        let process =
            Process::start_with(command, dir.path().join("log"), &recorded.variables(sink))?;
        let client = Client::new(&format!("http://{address}"))?;
        site::until(UP, "an agent of a site", async || {
            let agents = client.agents().await.ok()?;
            (!agents.is_empty()).then_some(())
        })
        .await?;
        let work = work(arguments, &client).await?;
        Ok(Self {
            recorded,
            client,
            work,
            process,
            per_task: Vec::new(),
            _dir: dir,
        })
    }

    /// Has it do its share of work; says how much processor time that took.
    async fn turn(&self, timeout: Duration) -> Result<Duration, Error> {
        let before = processor_time(self.process.id());
        let work = SubmitTasks {
            tasks: vec![self.work.clone()],
        };
        let submitted = self.client.submit(&work).await?;
        let last_first = submitted.ids.iter().rev();
        let all = async {
            for id in last_first {
                while self.client.wait(id, 30).await?.times.ended.is_none() {}
            }
            Ok::<(), Error>(())
        };
        let late = |_| Error::TooLong {
            what: "the end of all tasks".to_owned(),
        };
        tokio::time::timeout(timeout, all).await.map_err(late)??;
        tokio::time::sleep(QUIET).await;
        Ok(processor_time(self.process.id()).saturating_sub(before))
    }
}

async fn work(arguments: &Arguments, client: &Client) -> Result<SubmitTask, Error> {
    let run = if arguments.native {
        WhatToRun::Command(vec!["/bin/true".to_owned()])
    } else {
        let module = wat::parse_str(HELLO).map_err(|_| Error::Arguments("the module is wrong"))?;
        let digest = client
            .push_module("hello", Bytes::from(module))
            .await?
            .digest;
        WhatToRun::Module {
            digest,
            args: Vec::new(),
        }
    };
    Ok(SubmitTask {
        run,
        name: Some("traced".to_owned()),
        count: arguments.tasks,
        resources: RESOURCES.to_owned(),
        env: BTreeMap::new(),
        retries: 0,
        timeout_seconds: None,
        constraints: BTreeMap::new(),
        stdin: false,
    })
}

impl Recorded {
    fn variables(self, sink: &Sink) -> Vec<(&'static str, String)> {
        let sampler = |name: &str, argument: &str| {
            vec![
                ("OTEL_TRACES_SAMPLER", name.to_owned()),
                ("OTEL_TRACES_SAMPLER_ARG", argument.to_owned()),
                ("OTEL_EXPORTER_OTLP_ENDPOINT", sink.url()),
                ("OTEL_METRICS_EXPORTER", "none".to_owned()),
            ]
        };
        match self {
            Self::Nothing => sampler("always_off", ""),
            Self::Hundredth => sampler("traceidratio", "0.01"),
            Self::All => sampler("always_on", ""),
        }
    }
}

impl std::fmt::Display for Recorded {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Nothing => "nothing recorded",
            Self::Hundredth => "1 % of traces recorded",
            Self::All => "all traces recorded",
        })
    }
}

/// The median of what each turn took against the turn of the other site that was beside it.
fn median_of_ratios(times: &[Duration], others: &[Duration]) -> f64 {
    let pairs = times.iter().zip(others);
    let ratio = |(time, other): (&Duration, &Duration)| time.as_secs_f64() / other.as_secs_f64();
    let mut ratios: Vec<f64> = pairs.map(ratio).collect();
    ratios.sort_unstable_by(f64::total_cmp);
    ratios.get(ratios.len() / 2).copied().unwrap_or(f64::NAN)
}
