//! How fast commits of new tasks are: `cargo run --release -p insula-store --example commit_rate`.
//!
//! For each size of a batch it commits until two seconds have passed and prints the rate and the
//! time of one commit. Without arguments the store is SQLite in a directory of its own; `--power`
//! makes each commit survive a power loss. A `postgres://` URL names an empty database to use
//! instead, which keeps the tables afterwards.
#![allow(clippy::print_stdout)]

use std::error::Error;
use std::time::{Duration, Instant};

use bytes::Bytes;
use insula_store::{CellRecords, Durability, Options, PostgresOptions, Store};
use insula_types::membership::Claim;
use insula_types::record::{CellRow, Record, TaskRow};
use insula_types::task::TaskTimes;
use insula_types::{
    AgentId, CellId, Epoch, FrameworkId, FrameworkKey, LaunchId, PartitionId, Resources, Source,
    Span, TaskId, TaskKey, TaskKind, TaskState, TaskStatus, TenantId, Time, TraceContext,
};

const PARTITION: PartitionId = PartitionId(0);
const PAYLOAD_BYTES: usize = 300;
const BATCHES: [u64; 4] = [1, 10, 100, 1_000];

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    println!("tasks with {PAYLOAD_BYTES} bytes of description each");
    if let Some(url) = arguments.iter().find(|word| word.starts_with("postgres")) {
        let store = Store::connect(url, PostgresOptions::default()).await?;
        for batch in BATCHES {
            measure(batch, &store).await?;
        }
        return Ok(());
    }
    let durability = match arguments.iter().any(|word| word == "--power") {
        true => Durability::Power,
        false => Durability::Process,
    };
    println!("{durability:?}");
    for batch in BATCHES {
        let directory = tempfile::tempdir()?;
        let options = Options {
            durability,
            ..Options::default()
        };
        measure(batch, &Store::open(directory.path(), options).await?).await?;
    }
    Ok(())
}

async fn measure(batch: u64, store: &Store) -> Result<(), Box<dyn Error>> {
    let cell = CellId::from("default");
    let row = CellRow {
        seed: 1,
        time: Time(0),
    };
    store.create_cell(&cell, PARTITION, &row).await?;
    let claim = Claim {
        replica: "commit-rate".into(),
        ttl: Span::from_secs(60),
    };
    let owner = store.take(PARTITION, &claim).await?;

    let mut commit_no = owner.commit_no;
    let mut times = Vec::new();
    let mut number = 0;
    let start = Instant::now();
    while start.elapsed() < Duration::from_secs(2) {
        let records = (number..number + batch).flat_map(|number| task(owner.epoch, number));
        let cells = [CellRecords {
            cell: cell.clone(),
            records: records.collect(),
        }];
        let begin = Instant::now();
        commit_no = store
            .commit(PARTITION, owner.epoch, commit_no, &cells, &[])
            .await?;
        times.push(begin.elapsed());
        number += batch;
    }
    report(batch, start.elapsed(), &mut times);
    Ok(())
}

fn report(batch: u64, elapsed: Duration, times: &mut [Duration]) {
    times.sort_unstable();
    let commits = times.len() as u128;
    let at = |percent: usize| times[(times.len() - 1) * percent / 100];
    let tasks = commits * u128::from(batch) * 1_000 / elapsed.as_millis().max(1);
    println!(
        "{batch:>5} tasks per commit: {tasks:>7} tasks/s, {:>5} commits, p50 {:?}, p99 {:?}",
        commits,
        at(50),
        at(99)
    );
}

fn task(epoch: Epoch, number: u64) -> [Record; 2] {
    let launch = LaunchId { epoch, number };
    let task = TaskId::from(format!("task-{number}"));
    let framework = FrameworkKey {
        tenant: TenantId::from("ml"),
        framework: FrameworkId::from("insula"),
    };
    let row = TaskRow {
        launch,
        key: TaskKey {
            framework,
            task: task.clone(),
        },
        name: "a task".to_owned(),
        kind: TaskKind::Native,
        user: String::new(),
        agent: AgentId::from(format!("agent-{}", number % 100)),
        role: "*".to_owned(),
        resources: Resources::of(1_000, 32_000),
        status: TaskStatus::new(task, TaskState::Staging, Source::Master, Time(number)),
        last_uuid: None,
        launch_seq: number,
        kill_seq: None,
        kill_grace: None,
        ack: None,
        archived: false,
        attempt: 0,
        times: TaskTimes {
            accepted: Time(number),
            ..TaskTimes::default()
        },
        trace: TraceContext::start(u128::from(number), number, true),
    };
    let payload = Bytes::from(vec![b'x'; PAYLOAD_BYTES]);
    [
        Record::Task(Box::new(row)),
        Record::Payload(launch, payload),
    ]
}
