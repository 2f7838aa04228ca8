//! Who may take a partition, where replicas share a database.

use insula_store::{Error, Ownership, Store};
use insula_types::Span;
use insula_types::membership::Claim;
use insula_types::record::Record;

use crate::sample;
use crate::site::{PARTITION, Site, cell, commit};

async fn claim(store: &Store, replica: &str, ttl: Span) -> Result<Ownership, Error> {
    let replica = replica.into();
    store.take(PARTITION, &Claim { replica, ttl }).await
}

const LONG: Span = Span::from_secs(600);

#[tokio::test]
async fn a_live_lease_is_taken_by_nobody_but_its_owner() {
    let Some(site) = Site::postgres() else { return };
    let store = site.open().await;
    let first = claim(&store, "a", LONG).await.unwrap();
    let refused = claim(&store, "b", LONG).await.unwrap_err();
    assert_eq!(refused.to_string(), "partition 0 is leased to replica a");
    let number = commit(&store, &first, first.commit_no, vec![]).await;
    let again = claim(&store, "a", LONG).await.unwrap();
    assert!(again.epoch > first.epoch);
    assert_eq!(again.commit_no, number.unwrap());
}

#[tokio::test]
async fn a_lease_that_expired_or_was_given_is_free() {
    let Some(site) = Site::postgres() else { return };
    let store = site.open().await;
    claim(&store, "a", Span::ZERO).await.unwrap();
    let owner = claim(&store, "b", LONG).await.unwrap();
    store
        .give(PARTITION, owner.epoch, &"b".into())
        .await
        .unwrap();
    claim(&store, "c", LONG).await.unwrap();
}

#[tokio::test]
async fn of_two_that_take_at_once_one_is_told_of_the_other() {
    let Some(site) = Site::postgres() else { return };
    let (one, two) = (site.open().await, site.open_beside().await);
    let (one, two) = tokio::join!(claim(&one, "a", LONG), claim(&two, "b", LONG));
    let refused = match (one, two) {
        (Ok(_), Err(refused)) | (Err(refused), Ok(_)) => refused,
        both => panic!("{both:?}"),
    };
    assert!(matches!(refused, Error::Leased { .. }), "{refused}");
}

#[tokio::test]
async fn partitions_are_owned_and_committed_to_at_once() {
    let Some(site) = Site::postgres() else { return };
    let store = site.open().await;
    let claim = Claim {
        replica: "a".into(),
        ttl: LONG,
    };
    // More than there are connections of either kind.
    let owners = (0..40).map(|number| {
        let (store, claim) = (store.clone(), claim.clone());
        tokio::spawn(async move {
            let partition = insula_types::PartitionId(number);
            let owner = store.take(partition, &claim).await.unwrap();
            let role = Record::Role(sample::role(&format!("role-{number}")));
            commit(&store, &owner, owner.commit_no, vec![role])
                .await
                .unwrap()
        })
    });
    for owner in owners.collect::<Vec<_>>() {
        owner.await.unwrap();
    }
    assert_eq!(store.load(&cell()).await.unwrap().roles.len(), 40);
}
