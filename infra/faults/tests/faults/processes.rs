//! Processes die and freeze.

use insula_faults::Settings;
use insula_faults::requirements::is_long;
use tokio::time::Instant;

use crate::support::Run;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn processes_die_and_freeze() {
    let Some(mut run) = Run::start(Settings::default()).await else {
        return;
    };
    let mut submitter = run.cluster.submitter();
    let rounds = if is_long() { 5 } else { 1 };
    for _ in 0..rounds {
        submitter.submit().await;
        the_owner_is_killed(&mut run).await;
        submitter.submit().await;
        another_replica_is_killed(&mut run).await;
        submitter.submit().await;
        an_agent_is_killed(&mut run).await;
        submitter.submit().await;
        the_owner_is_frozen(&mut run).await;
        submitter.submit().await;
    }
    submitter.until_finished().await;
    run.end().await;
}

async fn the_owner_is_killed(run: &mut Run) {
    let owner = run.cluster.owner().await;
    let since = Instant::now();
    run.cluster.replicas[owner].kill();
    run.recovered("the owner is killed", since).await;
    run.cluster.replicas[owner].up();
    run.cluster.until_ready().await;
}

async fn another_replica_is_killed(run: &mut Run) {
    let bystander = run.cluster.bystander().await;
    let since = Instant::now();
    run.cluster.replicas[bystander].kill();
    run.recovered("a replica that is not the owner is killed", since)
        .await;
    run.cluster.replicas[bystander].up();
    run.cluster.until_ready().await;
}

async fn an_agent_is_killed(run: &mut Run) {
    let since = Instant::now();
    run.cluster.agents[0].kill();
    run.cluster.until_disconnected(1).await;
    run.cluster.agents[0].up();
    run.recovered("an agent is killed and started again", since)
        .await;
}

/// For longer than its lease, and at best with a transaction open, which must not hold up whoever
/// takes over nor be committed after that.
async fn the_owner_is_frozen(run: &mut Run) {
    let owner = run.cluster.owner().await;
    let in_transaction = run.cluster.freeze_in_transaction(owner).await;
    let since = Instant::now();
    run.cluster.until_taken_over_from(owner).await;
    let when = if in_transaction {
        " in a transaction"
    } else {
        ""
    };
    run.recovered(&format!("the owner is frozen{when}"), since)
        .await;
    let since = Instant::now();
    run.cluster.replicas[owner].thaw();
    run.recovered("the former owner goes on", since).await;
    run.cluster.until_ready().await;
}
