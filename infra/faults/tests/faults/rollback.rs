//! The database is put back to an older state (rule R5).

use std::time::Duration;

use insula_faults::history::{Rows, violations};
use insula_faults::{Settings, until};
use tokio::time::Instant;

use crate::support::{Run, STEADY};

/// Not by itself: an operator says `insula admin recover`.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgres_is_restored_from_an_older_backup() {
    let Some(mut run) = Run::start(Settings::default()).await else {
        return;
    };
    run.cluster.postgres.backup();
    let later = run
        .cluster
        .framework("later", "default", Duration::from_secs(3600), STEADY);
    later.until_steady().await;
    let lost = later.running();
    for replica in &mut run.cluster.replicas {
        replica.kill();
    }
    run.cluster.postgres.restore().await;
    let said = run
        .cluster
        .insula(["admin", "recover", "--now", "--yes"])
        .run();
    println!("insula admin recover: {}", said.trim_end());
    let since = Instant::now();
    for replica in &mut run.cluster.replicas {
        replica.up();
    }
    run.cluster.until_ready().await;
    run.recovered("Postgres is restored from an older backup", since)
        .await;
    their_newer_state_is_held_and_shown(&run, &lost).await;

    run.patient.come_to_rest().await;
    run.hasty.come_to_rest().await;
    let mut evidence = run.cluster.evidence(&[&run.patient, &run.hasty, &later]);
    evidence.rows = Rows::PutBack;
    assert_eq!(violations(&evidence), []);
    // Nobody has asked for the end of what is held.
    for task in &lost {
        assert!(evidence.alive.contains(task), "{task} was killed");
    }
}

/// Every agent that has a task of which the database has never heard says so.
async fn their_newer_state_is_held_and_shown(run: &Run, lost: &[String]) {
    let http = run.cluster.http("default");
    until("the tasks that are held to be shown", || async {
        let page = http.get("/v1/agents").await.json()?;
        let agents = page["items"].as_array()?;
        let held: u64 = agents
            .iter()
            .filter_map(|agent| agent["held"].as_u64())
            .sum();
        (held >= u64::try_from(lost.len()).ok()?).then_some(())
    })
    .await;
}
