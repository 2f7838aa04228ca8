//! Roads are cut, and roads swallow what is sent along them.

use insula_faults::{Settings, Traffic};
use tokio::time::Instant;

use crate::support::Run;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_network_breaks() {
    let Some(mut run) = Run::start(Settings::default()).await else {
        return;
    };
    the_owner_is_cut_off_from_postgres(&mut run).await;
    the_owner_speaks_to_postgres_in_vain(&mut run).await;
    the_owner_is_cut_off_from_redis(&mut run).await;
    an_agent_is_cut_off(&mut run).await;
    an_agent_is_not_heard(&mut run).await;
    run.end().await;
}

async fn the_owner_is_cut_off_from_postgres(run: &mut Run) {
    let owner = run.cluster.owner().await;
    let since = Instant::now();
    run.cluster.replicas[owner].to_postgres.cut();
    run.cluster.until_taken_over_from(owner).await;
    run.works_again("the owner is cut off from Postgres", since)
        .await;
    run.cluster.replicas[owner].to_postgres.heal();
    run.cluster.until_ready().await;
    run.cluster.until_connected("default").await;
}

async fn the_owner_speaks_to_postgres_in_vain(run: &mut Run) {
    let owner = run.cluster.owner().await;
    let since = Instant::now();
    run.cluster.replicas[owner].to_postgres.swallow();
    run.cluster.until_taken_over_from(owner).await;
    run.works_again("Postgres swallows what the owner says", since)
        .await;
    run.cluster.replicas[owner].to_postgres.heal();
    run.cluster.until_ready().await;
    run.cluster.until_connected("default").await;
}

async fn the_owner_is_cut_off_from_redis(run: &mut Run) {
    let owner = run.cluster.owner().await;
    let road = &run.cluster.replicas[owner].to_redis;
    road.cut();
    run.last_for(run.cluster.lease() * 2).await;
    road.heal();
    let since = Instant::now();
    run.recovered("the owner reaches Redis again", since).await;
    run.cluster.until_ready().await;
}

/// For less than it may be silent.
async fn an_agent_is_cut_off(run: &mut Run) {
    let since = Instant::now();
    run.cluster.agents[0].to_control_plane.cut();
    run.cluster.until_disconnected(1).await;
    run.cluster.agents[0].to_control_plane.heal();
    run.recovered("an agent is cut off", since).await;
}

/// It hears, and nobody hears it; for less than it may be silent.
async fn an_agent_is_not_heard(run: &mut Run) {
    let since = Instant::now();
    let road = &run.cluster.agents[1].to_control_plane;
    road.set(Traffic::Swallowed, Traffic::Flows);
    run.last_for(run.cluster.unreachable_after() / 10).await;
    road.heal();
    run.recovered("an agent is not heard", since).await;
}

/// A replica that reaches no owner keeps nobody's agents from theirs: they find another replica, and
/// nobody counts as unreachable.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn agents_of_a_replica_that_is_cut_off_from_redis_find_another() {
    let Some(mut run) = Run::start(Settings::default()).await else {
        return;
    };
    let owner = run.cluster.owner().await;
    for replica in (0..run.cluster.replicas.len()).filter(|replica| *replica != owner) {
        let since = Instant::now();
        run.cluster.replicas[replica].to_redis.cut();
        run.last_for(run.long_outage()).await;
        run.recovered("a gateway stays cut off from Redis", since)
            .await;
        run.cluster.replicas[replica].to_redis.heal();
        run.cluster.until_ready().await;
    }
    run.end().await;
}

/// A former owner that reaches neither knows of no owner any more; another replica is ready, and there
/// its agents go.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn agents_of_an_owner_that_is_cut_off_from_everything_find_another() {
    let Some(mut run) = Run::start(Settings::default()).await else {
        return;
    };
    let owner = run.cluster.owner().await;
    let since = Instant::now();
    run.cluster.replicas[owner].to_postgres.cut();
    run.cluster.replicas[owner].to_redis.cut();
    run.last_for(run.long_outage()).await;
    run.recovered("the owner stays cut off from everything", since)
        .await;
    run.cluster.replicas[owner].to_postgres.heal();
    run.cluster.replicas[owner].to_redis.heal();
    run.cluster.until_ready().await;
    run.end().await;
}

/// A replica that cannot read who owns what hears it by the broker: the agents that are connected to it
/// are heard, and nobody counts as unreachable.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn agents_of_a_replica_that_is_cut_off_from_postgres_are_served() {
    let Some(mut run) = Run::start(Settings::default()).await else {
        return;
    };
    for replica in 0..run.cluster.replicas.len() {
        let since = Instant::now();
        run.cluster.replicas[replica].to_postgres.cut();
        run.last_for(run.long_outage()).await;
        run.recovered("a replica stays cut off from Postgres", since)
            .await;
        run.cluster.replicas[replica].to_postgres.heal();
        run.cluster.until_ready().await;
    }
    run.end().await;
}
