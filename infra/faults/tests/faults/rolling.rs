//! Replicas are replaced one after another, under load.

use insula_faults::{Settings, requirements};
use tokio::time::Instant;

use crate::support::Run;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_replicas_are_replaced() {
    let Some(mut run) = Run::start(Settings::default()).await else {
        return;
    };
    let mut submitter = run.cluster.submitter();
    let owner = run.cluster.owner().await;
    let since = Instant::now();
    run.cluster.replicas[owner].drain().await;
    run.recovered("the owner drains and ends", since).await;
    run.cluster.replicas[owner].up();
    run.cluster.until_ready().await;
    for replica in 0..run.cluster.replicas.len() {
        submitter.submit().await;
        let since = Instant::now();
        run.cluster.replicas[replica].drain().await;
        run.cluster.replicas[replica].up();
        run.cluster.until_ready().await;
        run.recovered("a replica of a rolling restart", since).await;
    }
    submitter.until_finished().await;
    run.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_replicas_are_upgraded() {
    let Some(former) = requirements::former_insula() else {
        eprintln!(
            "skipped: INSULA_FORMER_BINARY does not name the program of an earlier version; what \
             such a version wrote is read by the tests of the formats' fixtures"
        );
        return;
    };
    let settings = Settings {
        former: Some(former),
        ..Settings::default()
    };
    let Some(mut run) = Run::start(settings).await else {
        return;
    };
    for replica in 0..run.cluster.replicas.len() {
        let since = Instant::now();
        run.cluster.replicas[replica].drain().await;
        run.cluster.replicas[replica].up();
        run.cluster.until_ready().await;
        run.recovered("a replica of a rolling upgrade", since).await;
    }
    run.end().await;
}
