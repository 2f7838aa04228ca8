//! Wall clocks that are wrong tear nothing down (rule R6).

use insula_faults::{Settings, requirements};
use tokio::time::Instant;

use crate::support::Run;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clocks_are_wrong_by_five_minutes() {
    if requirements::faketime().is_none() {
        eprintln!("skipped: libfaketime is not installed (package faketime)");
        return;
    }
    let settings = Settings {
        clocks: ["+5m", "-5m", "+0"].map(ToOwned::to_owned).to_vec(),
        ..Settings::default()
    };
    let Some(mut run) = Run::start(settings).await else {
        return;
    };
    // Every replica comes to own the partition after one whose clock differs.
    for _ in 0..run.cluster.replicas.len() {
        let owner = run.cluster.owner().await;
        let since = Instant::now();
        run.cluster.replicas[owner].kill();
        run.recovered(
            "the owner is killed, and clocks differ by ten minutes",
            since,
        )
        .await;
        run.cluster.replicas[owner].up();
        run.cluster.until_ready().await;
    }
    run.end().await;
}
