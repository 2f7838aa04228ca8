//! The database is put back to an older state (rule R5).

use std::collections::BTreeSet;
use std::time::Duration;

use insula_faults::history::{Evidence, Rows, violations};
use insula_faults::{Framework, Settings, until};
use serde_json::json;
use tokio::time::Instant;

use crate::support::{Run, STEADY, say};

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
    let lost = later.endless();
    let holders = lost.iter().filter_map(|task| later.agent_of(task));
    let holders: BTreeSet<String> = holders.collect();
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
    run.cluster.until_connected("default").await;
    say("Postgres is restored from an older backup", since);
    let holding = run.until_held(&lost, &holders).await;

    let since = Instant::now();
    run.discard(&holding).await;
    run.recovered("what was held is discarded", since).await;
    run.until_gone(&lost).await;
    run.patient.come_to_rest().await;
    run.hasty.come_to_rest().await;
    let mut evidence = run.evidence(&[&later]);
    evidence.rows = Rows::PutBack;
    assert_eq!(violations(&evidence), []);
}

impl Run {
    /// Agents that have tasks of which the database has never heard say so, and the tasks run on.
    /// Returns the agents; besides the holders of the endless ones there may be others.
    async fn until_held(&self, lost: &[String], holders: &BTreeSet<String>) -> BTreeSet<String> {
        let http = self.cluster.http("default");
        let holding = until("tasks that are held to be shown", || async {
            let page = http.get("/v1/agents").await.json()?;
            let agents = page["items"].as_array()?.iter();
            let holding = agents.filter(|agent| agent["held"].is_string());
            let ids = holding.filter_map(|agent| agent["id"].as_str());
            let ids: BTreeSet<String> = ids.map(ToOwned::to_owned).collect();
            ids.is_superset(holders).then_some(ids)
        })
        .await;
        let alive = self.evidence(&[]).alive;
        for task in lost {
            assert!(
                alive.contains(task),
                "{task} was killed, and nobody asked for that"
            );
        }
        holding
    }

    /// What an operator does who has looked at what is held and does not want it.
    async fn discard(&self, agents: &BTreeSet<String>) {
        let http = self.cluster.http("default");
        for agent in agents {
            let path = format!("/v1/agents/{agent}/discard");
            until("what is held to be discarded", || async {
                let status = http.post(&path, &json!({})).await.status()?;
                (200..300).contains(&status).then_some(())
            })
            .await;
        }
    }

    async fn until_gone(&self, tasks: &[String]) {
        until("the end of what was held", || async {
            let alive = self.evidence(&[]).alive;
            tasks.iter().all(|task| !alive.contains(task)).then_some(())
        })
        .await;
    }

    fn evidence(&self, others: &[&Framework]) -> Evidence {
        self.cluster
            .evidence(&[&[&self.patient, &self.hasty], others].concat())
    }
}
