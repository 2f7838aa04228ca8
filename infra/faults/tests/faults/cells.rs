//! Cells of one partition do not hurt each other (rule R11).

use std::time::Duration;

use insula_faults::{Load, Settings, until};
use tokio::time::{Instant, sleep};

use crate::support::{Run, say};

/// The neighbour of the default cell.
const OTHER: &str = "neighbour";

/// As much as a framework can ask for on such a machine.
const NOISE: Load = Load {
    per_second: 200,
    short: Duration::ZERO,
    endless: 0,
};

const ONE: Load = Load {
    per_second: 1,
    short: Duration::from_millis(10),
    endless: 1,
};

/// For how long latencies are measured, with and without noise.
const MEASURED: Duration = Duration::from_secs(4);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_noisy_cell_beside_a_quiet_one() {
    let Some(mut run) = Run::start(Settings::default()).await else {
        return;
    };
    run.cluster.add_cell(OTHER).await;
    let alone = latency(&run).await;
    let noise = run.cluster.framework("noise", OTHER, Duration::ZERO, NOISE);
    noise.until_steady().await;
    let beside = latency(&run).await;
    println!(
        "latency: a launch takes {} ms, beside a noisy cell {} ms",
        alone.as_millis(),
        beside.as_millis()
    );
    // The machine's processors are shared all the same, so the bound is generous.
    assert!(beside < alone * 20 + Duration::from_secs(1));
    run.cluster.judge(&[&noise, &run.patient, &run.hasty]).await;
}

/// The median of what a launch takes in the quiet cell.
async fn latency(run: &Run) -> Duration {
    let from = Instant::now();
    sleep(MEASURED).await;
    let mut all = run.patient.latencies(from, Instant::now());
    all.sort_unstable();
    assert!(!all.is_empty(), "no task was launched in {MEASURED:?}");
    all[all.len() / 2]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_poisoned_cell_beside_a_sound_one() {
    let Some(mut run) = Run::start(Settings::default()).await else {
        return;
    };
    run.cluster.add_cell(OTHER).await;
    let poisoned = run
        .cluster
        .framework("poisoned", OTHER, Duration::from_secs(3600), ONE);
    poisoned.until_steady().await;
    its_rows_cannot_be_written(&mut run).await;
    let since = Instant::now();
    // It has subscribed again by then, and writes the row that is damaged next no more.
    poisoned.until_works_again(since).await;
    its_rows_cannot_be_read(&mut run).await;
    let since = Instant::now();
    poisoned.until_works_again(since).await;
    run.cluster
        .judge(&[&poisoned, &run.patient, &run.hasty])
        .await;
}

/// The database refuses each new task of the cell, in transactions that are not the cell's alone. A
/// cell that fails again and again is set aside until its partition has another owner.
async fn its_rows_cannot_be_written(run: &mut Run) {
    let since = Instant::now();
    let _nothing = run.cluster.postgres.query(&format!(
        "ALTER TABLE task ADD CONSTRAINT poison CHECK (cell <> '{OTHER}') NOT VALID"
    ));
    until_refused(run).await;
    run.recovered("beside a cell whose rows cannot be written", since)
        .await;
    let heal = "ALTER TABLE task DROP CONSTRAINT poison";
    let _nothing = run.cluster.postgres.query(heal);
    let owner = run.cluster.owner().await;
    let since = Instant::now();
    run.cluster.replicas[owner].drain().await;
    until_served(run).await;
    say("a cell that was set aside has a new owner", since);
    run.cluster.replicas[owner].up();
    run.cluster.until_ready().await;
}

/// A row of the cell is damaged, which is found when the next owner loads it.
async fn its_rows_cannot_be_read(run: &mut Run) {
    let damage = "UPDATE framework SET roles = $$damaged$$";
    let heal = "UPDATE framework SET roles = $$[\"*\"]$$";
    let of_cell = format!(" WHERE cell = '{OTHER}' AND name = 'poisoned'");
    let _nothing = run.cluster.postgres.query(&[damage, &of_cell].concat());
    let owner = run.cluster.owner().await;
    let since = Instant::now();
    run.cluster.replicas[owner].kill();
    run.recovered(
        "the owner is killed beside a cell whose rows cannot be read",
        since,
    )
    .await;
    until_refused(run).await;
    run.cluster.replicas[owner].up();
    run.cluster.until_ready().await;
    let _nothing = run.cluster.postgres.query(&[heal, &of_cell].concat());
    let since = Instant::now();
    until_served(run).await;
    say("a cell's rows can be read again", since);
}

/// The cell answers that it is not served. Offers are what only a kernel knows; the rest is read from
/// the rows.
async fn until_refused(run: &Run) {
    let http = run.cluster.http(OTHER);
    until("the poisoned cell to be refused", || async {
        (http.get("/v1/offers").await.status() == Some(503)).then_some(())
    })
    .await;
}

async fn until_served(run: &Run) {
    let http = run.cluster.http(OTHER);
    until("the healed cell to be served", || async {
        (http.get("/v1/offers").await.status() == Some(200)).then_some(())
    })
    .await;
}
