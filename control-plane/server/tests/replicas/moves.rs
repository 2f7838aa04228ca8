//! Partitions move: to whoever is there, away from whoever goes.

use std::time::Duration;

use insula_kernel::Outcome;
use insula_server::replica::Owner;
use insula_types::membership::Membership;
use insula_types::{CellId, PartitionId};

use crate::site::{DEADLINE, LONG, Member, Site, roles, set_role, try_set_role};

fn cell() -> CellId {
    CellId::from("default")
}

#[tokio::test(flavor = "multi_thread")]
async fn one_replica_owns_all_partitions_and_serves_cells_as_they_are_made() {
    let Some(site) = Site::new(8, LONG) else {
        return;
    };
    let alone = site.replica().await;
    alone.serves(8).await;
    let partition = alone.store.add_cell(&cell(), None).await.unwrap();
    let handle = alone.handle(&cell()).await;
    set_role(&handle, "t/a").await;
    assert_eq!(roles(&alone.store, &cell()).await, ["t/a"]);
    let status = alone.owners.status();
    assert_eq!(status.len(), 8);
    let with_cell = status.iter().filter(|status| !status.cells.is_empty());
    let shown: Vec<_> = with_cell.map(|status| status.partition).collect();
    assert_eq!(shown, [partition]);
}

#[tokio::test(flavor = "multi_thread")]
async fn partitions_spread_evenly_over_the_replicas_that_are_there() {
    let Some(site) = Site::new(8, Duration::from_secs(2)) else {
        return;
    };
    let first = site.replica().await;
    first.serves(8).await;
    let (second, third) = tokio::join!(site.replica(), site.replica());
    let spread = async {
        loop {
            let mut served = [&first, &second, &third].map(|member| member.served());
            served.sort_unstable();
            if served == [2, 3, 3] {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    let waited = tokio::time::timeout(DEADLINE, spread).await;
    let served = [&first, &second, &third].map(|member| member.served());
    assert!(waited.is_ok(), "{served:?}");
    // Each partition has one owner, and everybody knows the same.
    for number in 0..8 {
        let partition = PartitionId(number);
        let knows = |member: &Member| match member.owners.of(partition) {
            Owner::Here(_) => Some(member.id.clone()),
            Owner::There { replica, .. } => Some(replica),
            Owner::Nobody => None,
        };
        let agreed = async {
            loop {
                let all = [&first, &second, &third].map(knows);
                if all[0].is_some() && all.iter().all(|owner| *owner == all[0]) {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        tokio::time::timeout(DEADLINE, agreed).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replica_that_drains_hands_everything_over_without_any_lease_running_out() {
    let Some(site) = Site::new(4, LONG) else {
        return;
    };
    let old = site.replica().await;
    old.serves(4).await;
    old.store.add_cell(&cell(), None).await.unwrap();
    let handle = old.handle(&cell()).await;
    set_role(&handle, "t/before").await;
    let new = site.replica().await;

    old.replica.drain().await.unwrap();
    new.serves(4).await;
    let late = try_set_role(&handle, "t/late").await;
    assert!(late.is_err_and(|unavailable| !unavailable.uncertain));
    let moved = new.handle(&cell()).await;
    set_role(&moved, "t/after").await;
    assert_eq!(roles(&new.store, &cell()).await, ["t/after", "t/before"]);
    let found = new.owners.membership();
    let is_gone = |found: &Membership| found.replica(&old.id).is_none();
    if !is_gone(&found) {
        new.owners
            .until(|owners| is_gone(&owners.membership()))
            .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_replica_that_crashes_has_answered_is_there_after_a_lease() {
    let Some(site) = Site::new(4, Duration::from_secs(2)) else {
        return;
    };
    let old = site.replica().await;
    old.serves(4).await;
    old.store.add_cell(&cell(), None).await.unwrap();
    let handle = old.handle(&cell()).await;
    set_role(&handle, "t/ready").await;
    let new = site.replica().await;
    let mut answered = Vec::new();
    for number in 0..20 {
        let role = format!("t/{number:02}");
        // It may be given to the other replica meanwhile.
        if try_set_role(&handle, &role).await == Ok(Outcome::Accepted) {
            answered.push(role);
        }
    }
    drop(old);
    new.serves(4).await;
    let moved = new.handle(&cell()).await;
    set_role(&moved, "t/after").await;
    let kept = roles(&new.store, &cell()).await;
    assert!(answered.iter().all(|role| kept.contains(role)), "{kept:?}");
}
