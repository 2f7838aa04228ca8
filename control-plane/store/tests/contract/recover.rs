//! After the database went back in time: no epoch comes twice.

use insula_store::{CommitError, Error, Ownership, Store};
use insula_types::membership::{Beat, Claim, ReplicaState};
use insula_types::{Epoch, Span};

use crate::server::Database;
use crate::site::{PARTITION, Site, commit, open};

fn claim(replica: &str) -> Claim {
    Claim {
        replica: replica.into(),
        ttl: Span::from_secs(600),
    }
}

async fn is_fenced(store: &Store, owner: &Ownership) -> bool {
    let result = store
        .commit(owner.partition, owner.epoch, owner.commit_no, &[], &[])
        .await;
    matches!(result, Err(CommitError::Fenced { .. }))
}

#[tokio::test]
async fn every_owner_is_fenced_and_has_lost_its_lease() {
    for site in Site::all() {
        let store = site.open().await;
        let owner = store.take(PARTITION, &claim("one")).await.unwrap();
        let floor = store.recover(Epoch(0)).await.unwrap();
        assert!(floor > owner.epoch);
        assert!(is_fenced(&store, &owner).await);
        let beat = Beat {
            replica: "one".into(),
            advertise: "one.example:5050".to_owned(),
            version: "1".to_owned(),
            state: ReplicaState::Ready,
            ttl: Span::from_secs(600),
            hold: vec![(PARTITION, owner.epoch)],
        };
        let membership = store.beat(&beat).await.unwrap();
        assert!(membership.held.is_empty());
        assert_eq!(membership.owner(PARTITION), None);
        // The lease of the former owner is in nobody's way.
        let next = store.take(PARTITION, &claim("two")).await.unwrap();
        assert!(next.epoch > floor);
        assert_eq!(next.commit_no, owner.commit_no);
    }
}

#[tokio::test]
async fn the_floor_is_above_what_was_named() {
    for site in Site::all() {
        let store = site.open().await;
        let before = store.take(PARTITION, &claim("one")).await.unwrap();
        let seen = Epoch(before.epoch.0 + 1_000_000_000);
        let floor = store.recover(seen).await.unwrap();
        assert!(floor > seen);
        let owner = store.take(PARTITION, &claim("one")).await.unwrap();
        assert!(owner.epoch > floor);
        let again = store.recover(Epoch(0)).await.unwrap();
        assert!(again > owner.epoch, "it never goes down");
        let refused = store.recover(Epoch(u64::MAX)).await;
        assert!(
            matches!(refused, Err(Error::EpochTooHigh { .. })),
            "{refused:?}"
        );
    }
}

#[tokio::test]
async fn no_epoch_comes_twice_when_an_older_copy_is_restored() {
    let Some(database) = Database::create() else {
        return;
    };
    let store = open(&database).await;
    let cell = "default".into();
    store.add_cell(&cell, Some(PARTITION)).await.unwrap();
    let owner = store.take(PARTITION, &claim("one")).await.unwrap();
    commit(&store, &owner, owner.commit_no, vec![])
        .await
        .unwrap();
    store.close().await;
    let backup = database.copy();

    // Life goes on, in epochs that agents learn of: some were given faster than the clock ticks.
    let store = open(&database).await;
    let mut lived = Vec::new();
    for _ in 0..50 {
        let owner = store.take(PARTITION, &claim("one")).await.unwrap();
        lived.push(owner.epoch);
    }
    let lost = store.take(PARTITION, &claim("one")).await.unwrap();
    store.close().await;
    let highest = Epoch(lost.epoch.0 + 3_600_000);

    // An agent met an owner whose clock was an hour ahead: nobody but the operator knows of it.
    let restored = open(&backup).await;
    let floor = restored.recover(highest).await.unwrap();
    let owner = restored.take(PARTITION, &claim("two")).await.unwrap();
    assert!(owner.epoch > floor && floor > highest);
    assert!(lived.iter().all(|epoch| *epoch < owner.epoch));
    assert!(owner.commit_no <= lost.commit_no, "the copy is older");
    assert!(is_fenced(&restored, &lost).await);
}

#[tokio::test]
async fn even_a_copy_that_nobody_recovered_gives_epochs_above_those_that_were_given_before() {
    let Some(database) = Database::create() else {
        return;
    };
    let store = open(&database).await;
    let before = store.take(PARTITION, &claim("one")).await.unwrap();
    store.close().await;
    let backup = database.copy();
    let store = open(&database).await;
    let lost = store.take(PARTITION, &claim("one")).await.unwrap();
    store.close().await;
    let restored = open(&backup).await;
    restored.leave(&"one".into()).await.unwrap();
    let owner = restored.take(PARTITION, &claim("two")).await.unwrap();
    assert!(before.epoch < lost.epoch && lost.epoch < owner.epoch);
}
