//! Several cells in one partition.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use insula_kernel::Outcome;
use insula_store::Store;
use insula_types::CellId;

use crate::support::{DEADLINE, Framework, PARTITION, ask, ask_until_served, roles, start_with};

fn two() -> [CellId; 2] {
    ["one", "other"].map(CellId::from)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_quiet_cell_does_not_wait_for_what_a_noisy_one_has_queued() {
    let store = Store::in_memory().await.unwrap();
    let cells = ["noisy", "quiet"].map(CellId::from);
    let driver = start_with(&store, &cells).await;
    let noisy = driver.port().cell(&cells[0]).unwrap();
    let quiet = driver.port().cell(&cells[1]).unwrap();
    let framework = Arc::new(Framework::subscribe(&noisy, "noisy").await);
    ask(&quiet, "t/first").await.unwrap();

    let answered = Arc::new(AtomicUsize::new(0));
    let asked: Vec<_> = (0..NOISE)
        .map(|_| {
            let (noisy, framework) = (noisy.clone(), Arc::clone(&framework));
            let answered = Arc::clone(&answered);
            tokio::spawn(async move {
                framework.try_reconcile(&noisy, 0..1_000).await;
                answered.fetch_add(1, Ordering::Relaxed);
            })
        })
        .collect();
    // Some of it is under way, and most of it waits.
    while answered.load(Ordering::Relaxed) == 0 {
        tokio::task::yield_now().await;
    }
    assert_eq!(ask(&quiet, "t/second").await, Ok(Outcome::Accepted));
    let before = answered.load(Ordering::Relaxed);
    assert!(before < NOISE, "all of the noise was served first");
    for asked in asked {
        asked.await.unwrap();
    }
}

/// Enough to keep the driver busy for many turns.
const NOISE: usize = 2_000;

#[tokio::test(flavor = "multi_thread")]
async fn a_cell_that_is_made_while_the_partition_is_served_is_served_too() {
    let store = Store::in_memory().await.unwrap();
    let driver = start_with(&store, &two()).await;
    let late = CellId::from("late");
    assert!(driver.port().cell(&late).is_none());
    store.add_cell(&late, Some(PARTITION)).await.unwrap();
    driver.found(store.cells(PARTITION).await.unwrap());
    let handle = async {
        loop {
            match driver.port().cell(&late) {
                Some(handle) => return handle,
                None => tokio::task::yield_now().await,
            }
        }
    };
    let handle = tokio::time::timeout(DEADLINE, handle).await.unwrap();
    ask_until_served(&handle, "t/late").await;
    assert_eq!(roles(&store, &late).await, ["t/late"]);
}
