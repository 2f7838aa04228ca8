//! Keeps history within its bounds while the partition is served.

use std::time::Duration;

use insula_store::{Retention, Store};
use insula_types::CellId;

/// How often history is looked at. In between it may exceed its bounds by what a cell ends in a
/// minute.
const EVERY: Duration = Duration::from_secs(60);

/// Removes expired history now and then, in slices, for as long as the task lives.
pub(super) async fn run(store: Store, cell: CellId, retention: Retention) {
    loop {
        tokio::time::sleep(EVERY).await;
        match prune(&store, &cell, retention).await {
            Ok(0) => {}
            Ok(tasks) => tracing::debug!(tasks, "expired history was removed"),
            Err(error) => {
                let error: &dyn std::error::Error = &error;
                tracing::warn!(error, "expired history was not removed");
            }
        }
    }
}

async fn prune(
    store: &Store,
    cell: &CellId,
    retention: Retention,
) -> Result<u64, insula_store::Error> {
    let mut tasks = 0;
    loop {
        let removed = store.prune(cell, retention).await?;
        if removed == 0 {
            return Ok(tasks);
        }
        tasks += removed;
    }
}
