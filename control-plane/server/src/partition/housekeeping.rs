//! Keeps history, and what is left of things that broke, within bounds while the partition is served.

use std::time::Duration;

use insula_store::{Error, Retention, Store};
use insula_types::PartitionId;

/// How often history is looked at. In between it may exceed its bounds by what a cell ends in a
/// minute.
const EVERY: Duration = Duration::from_secs(60);

/// Removes what has expired now and then, in slices, for as long as the task lives.
pub(super) async fn run(store: Store, partition: PartitionId, retention: Retention) {
    loop {
        tokio::time::sleep(EVERY).await;
        match prune(&store, partition, retention).await {
            Ok(0) => {}
            Ok(rows) => tracing::debug!(rows, "expired history was removed"),
            // The keeper of leases says once that the database is away.
            Err(error) if error.is_away() => {
                tracing::debug!(%error, "expired history was not removed");
            }
            Err(error) => {
                let error: &dyn std::error::Error = &error;
                tracing::warn!(error, "expired history was not removed");
            }
        }
    }
}

async fn prune(store: &Store, partition: PartitionId, retention: Retention) -> Result<u64, Error> {
    let mut rows = 0;
    for cell in store.cells(partition).await? {
        loop {
            match store.prune(&cell, retention).await? {
                0 => break,
                removed => rows += removed,
            }
        }
    }
    loop {
        match store.prune_marks(partition).await? {
            0 => break,
            removed => rows += removed,
        }
    }
    // Uploads belong to no partition, so one of them looks after what is left of broken ones.
    if partition == PartitionId(0) {
        rows += store.sweep_uploads().await?;
    }
    Ok(rows)
}
