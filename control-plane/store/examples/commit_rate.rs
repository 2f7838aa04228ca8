//! How fast commits of new tasks are: `cargo run --release -p insula-store --example commit_rate`.
//!
//! For each size of a batch it commits until two seconds have passed and prints the rate and the
//! time of one commit. `--power` makes each commit survive a power loss.
#![allow(clippy::print_stdout)]

use std::error::Error;
use std::time::{Duration, Instant};

use bytes::Bytes;
use insula_store::{CellRecords, CommitNo, Durability, Options, Store};
use insula_types::record::{CellRow, Record, TaskRow};
use insula_types::task::TaskTimes;
use insula_types::{
    AgentId, CellId, Epoch, FrameworkId, FrameworkKey, LaunchId, PartitionId, Resources, Source,
    TaskId, TaskKey, TaskKind, TaskState, TaskStatus, TenantId, Time, TraceContext,
};

const PARTITION: PartitionId = PartitionId(0);
const PAYLOAD_BYTES: usize = 300;

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> Result<(), Box<dyn Error>> {
    let power = std::env::args().any(|argument| argument == "--power");
    let durability = if power {
        Durability::Power
    } else {
        Durability::Process
    };
    println!("{durability:?}: tasks with {PAYLOAD_BYTES} bytes of description each");
    for batch in [1, 10, 100, 1_000] {
        measure(batch, durability).await?;
    }
    Ok(())
}

async fn measure(batch: u64, durability: Durability) -> Result<(), Box<dyn Error>> {
    let directory = tempfile::tempdir()?;
    let store = Store::open(
        directory.path(),
        Options {
            durability,
            ..Options::default()
        },
    )
    .await?;
    let cell = CellId::from("default");
    let row = CellRow {
        seed: 1,
        time: Time(0),
    };
    store.create_cell(&cell, PARTITION, &row).await?;
    let owner = store.take(PARTITION).await?;

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
    report(batch, commit_no, start.elapsed(), &mut times);
    Ok(())
}

fn report(batch: u64, commits: CommitNo, elapsed: Duration, times: &mut [Duration]) {
    times.sort_unstable();
    let at = |percent: usize| times[(times.len() - 1) * percent / 100];
    let tasks = u128::from(commits.0 * batch) * 1_000 / elapsed.as_millis().max(1);
    println!(
        "{batch:>5} tasks per commit: {tasks:>7} tasks/s, {:>5} commits, p50 {:?}, p99 {:?}",
        commits.0,
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
            submitted: None,
            accepted: Time(number),
            started: None,
            ended: None,
        },
        trace: TraceContext::start(u128::from(number), number),
    };
    let payload = Bytes::from(vec![b'x'; PAYLOAD_BYTES]);
    [
        Record::Task(Box::new(row)),
        Record::Payload(launch, payload),
    ]
}
