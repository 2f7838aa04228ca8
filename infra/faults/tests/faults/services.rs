//! The broker and the database die, forget, and are away.

use std::time::Duration;

use insula_faults::{Proxy, Replica, Settings};
use tokio::time::Instant;

use crate::support::Run;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn services_die_and_are_away() {
    let Some(mut run) = Run::start(Settings::default()).await else {
        return;
    };
    let mut submitter = run.cluster.submitter();
    submitter.submit().await;
    redis_starts_again_empty(&mut run).await;
    postgres_starts_again(&mut run).await;
    submitter.submit().await;
    let outage = run.long_outage();
    let to_redis: &[Road] = &[|replica| &replica.to_redis];
    are_away(&mut run, "Redis is back", to_redis, outage).await;
    submitter.submit().await;
    let to_both: &[Road] = &[|replica| &replica.to_redis, |replica| &replica.to_postgres];
    are_away(&mut run, "Postgres and Redis are back", to_both, outage).await;
    submitter.submit().await;
    submitter.until_finished().await;
    run.end().await;
}

async fn redis_starts_again_empty(run: &mut Run) {
    let since = Instant::now();
    run.cluster.redis.kill();
    run.cluster.redis.up().await;
    run.recovered("Redis starts again, empty", since).await;
}

async fn postgres_starts_again(run: &mut Run) {
    let since = Instant::now();
    run.cluster.postgres.kill();
    run.cluster.postgres.up().await;
    run.recovered("Postgres is killed and starts again", since)
        .await;
}

/// A road from a replica to a service.
type Road = fn(&Replica) -> &Proxy;

/// No replica reaches the services for longer than an agent may be silent. The time counts from
/// their return.
async fn are_away(run: &mut Run, case: &str, roads: &[Road], outage: Duration) {
    let all = |act: fn(&Proxy)| {
        for replica in &run.cluster.replicas {
            roads.iter().for_each(|road| act(road(replica)));
        }
    };
    all(Proxy::cut);
    run.last_for(outage).await;
    all(Proxy::heal);
    let since = Instant::now();
    run.recovered(case, since).await;
    run.cluster.until_ready().await;
}
