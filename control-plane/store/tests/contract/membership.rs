//! Which replicas there are, and which of them holds which lease.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use insula_store::{CommitError, Error, Ownership, PARTITIONS_DEFAULT, PostgresOptions, Store};
use insula_types::membership::{Beat, Claim, Membership, ReplicaState};
use insula_types::{Epoch, PartitionId, ReplicaId, Span};
use sqlx::Connection;

use crate::server::Database;
use crate::site::{PARTITION, Site, open, open_with};

/// Longer than any test.
const LONG: Span = Span::from_secs(600);
/// Gone before anybody can look.
const SHORT: Span = Span::from_millis(1);

fn claim(replica: &str, ttl: Span) -> Claim {
    Claim {
        replica: ReplicaId::from(replica),
        ttl,
    }
}

fn beat(replica: &str, ttl: Span, hold: &[&Ownership]) -> Beat {
    Beat {
        replica: ReplicaId::from(replica),
        advertise: format!("{replica}.example:5050"),
        version: "1.2.3".to_owned(),
        state: ReplicaState::Ready,
        ttl,
        hold: hold
            .iter()
            .map(|owner| (owner.partition, owner.epoch))
            .collect(),
    }
}

/// Asks again until it is so.
async fn until<T>(what: &str, mut ask: impl AsyncFnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        if let Some(answer) = ask().await {
            return answer;
        }
        assert!(Instant::now() < deadline, "never: {what}");
        tokio::task::yield_now().await;
    }
}

async fn is_fenced(store: &Store, owner: &Ownership) -> bool {
    let result = store
        .commit(owner.partition, owner.epoch, owner.commit_no, &[], &[])
        .await;
    match result {
        Ok(_) => false,
        Err(CommitError::Fenced { .. }) => true,
        Err(error) => panic!("{error}"),
    }
}

#[tokio::test]
async fn a_replica_that_beats_is_a_member_until_it_leaves() {
    for site in Site::all() {
        let store = site.open().await;
        let first = store.beat(&beat("a", LONG, &[])).await.unwrap();
        assert_eq!(first.partitions, store.partitions());
        let me = first.replica(&"a".into()).unwrap();
        assert_eq!(
            (
                me.advertise.as_str(),
                me.version.as_str(),
                me.state,
                me.live
            ),
            ("a.example:5050", "1.2.3", ReplicaState::Ready, true)
        );
        assert_eq!(me.started_at, me.seen_at);
        assert!(me.seen_at <= first.now);
        let draining = Beat {
            state: ReplicaState::Draining,
            ..beat("a", LONG, &[])
        };
        let second = store.beat(&draining).await.unwrap();
        let again = second.replica(&"a".into()).unwrap();
        assert_eq!(again.state, ReplicaState::Draining);
        assert_eq!(again.started_at, me.started_at);
        assert!(again.seen_at >= me.seen_at);
        store.leave(&"a".into()).await.unwrap();
        let third = store.beat(&beat("b", LONG, &[])).await.unwrap();
        assert_eq!(third.replicas.len(), 1, "{:?}", third.replicas);
    }
}

#[tokio::test]
async fn a_beat_shows_the_leases_that_it_renewed() {
    for site in Site::all() {
        let store = site.open().await;
        let owner = store.take(PARTITION, &claim("a", LONG)).await.unwrap();
        let membership = store.beat(&beat("a", LONG, &[&owner])).await.unwrap();
        assert_eq!(membership.held, [PARTITION]);
        let lease = membership.lease(PARTITION).unwrap();
        assert_eq!(lease.replica, Some("a".into()));
        assert_eq!((lease.epoch, lease.live), (owner.epoch, true));
        assert!(lease.expires_at > membership.now);
        let (replica, epoch) = membership.owner(PARTITION).unwrap();
        assert_eq!((replica.replica.as_str(), epoch), ("a", owner.epoch));

        let other = Ownership {
            epoch: Epoch(owner.epoch.0 - 1),
            ..owner
        };
        let membership = store.beat(&beat("a", LONG, &[&other])).await.unwrap();
        assert!(membership.held.is_empty(), "an older epoch holds nothing");
    }
}

#[tokio::test]
async fn replicas_that_race_for_a_partition_have_one_winner_each_time() {
    let Some(database) = Database::create() else {
        return;
    };
    let (one, two) = (open(&database).await, open(&database).await);
    let mut last = Epoch(0);
    for round in 0..100 {
        let (claim_one, claim_two) = (claim("one", LONG), claim("two", LONG));
        let (taken_one, taken_two) = tokio::join!(
            one.take(PARTITION, &claim_one),
            two.take(PARTITION, &claim_two)
        );
        let (store, replica, owner) = match (taken_one, taken_two) {
            (Ok(owner), Err(Error::Leased { by, .. })) if by.as_str() == "one" => {
                (&one, "one", owner)
            }
            (Err(Error::Leased { by, .. }), Ok(owner)) if by.as_str() == "two" => {
                (&two, "two", owner)
            }
            both => panic!("round {round}: {both:?}"),
        };
        assert!(owner.epoch > last, "round {round}");
        last = owner.epoch;
        let replica = ReplicaId::from(replica);
        store.give(PARTITION, owner.epoch, &replica).await.unwrap();
    }
}

#[tokio::test]
async fn a_lease_is_taken_when_it_has_expired_by_the_databases_clock_and_not_before() {
    let Some(database) = Database::create() else {
        return;
    };
    let (one, two) = (open(&database).await, open(&database).await);
    let ttl = Span::from_millis(300);
    let old = one.take(PARTITION, &claim("one", ttl)).await.unwrap();
    let owner = until("the lease expires", async || {
        match two.take(PARTITION, &claim("two", LONG)).await {
            Ok(owner) => Some(owner),
            Err(Error::Leased { by, .. }) => {
                assert_eq!(by.as_str(), "one");
                None
            }
            Err(error) => panic!("{error}"),
        }
    })
    .await;
    assert!(owner.now >= old.now + ttl, "{old:?} {owner:?}");
    assert!(is_fenced(&one, &old).await);
    let lost = one.beat(&beat("one", LONG, &[&old])).await.unwrap();
    assert!(lost.held.is_empty());
    assert_eq!(lost.lease(PARTITION).unwrap().replica, Some("two".into()));
}

#[tokio::test]
async fn a_live_lease_is_its_owners_alone() {
    let Some(database) = Database::create() else {
        return;
    };
    let store = open(&database).await;
    let owner = store.take(PARTITION, &claim("one", LONG)).await.unwrap();
    let refused = store.take(PARTITION, &claim("two", LONG)).await;
    assert!(
        matches!(
            refused,
            Err(Error::Leased {
                partition: PARTITION,
                ..
            })
        ),
        "{refused:?}"
    );
    // Neither of these is its owner, or was at the time.
    store
        .give(PARTITION, owner.epoch, &"two".into())
        .await
        .unwrap();
    store
        .give(PARTITION, Epoch(owner.epoch.0 - 1), &"one".into())
        .await
        .unwrap();
    store.leave(&"two".into()).await.unwrap();
    let stranger = store.beat(&beat("two", SHORT, &[&owner])).await.unwrap();
    assert!(stranger.held.is_empty());
    let membership = store.beat(&beat("one", LONG, &[&owner])).await.unwrap();
    assert_eq!(membership.held, [PARTITION]);
    assert!(!is_fenced(&store, &owner).await);
}

#[tokio::test]
async fn an_expired_lease_that_nobody_took_is_renewed_under_its_epoch() {
    let Some(database) = Database::create() else {
        return;
    };
    let store = open(&database).await;
    let owner = store.take(PARTITION, &claim("one", SHORT)).await.unwrap();
    let seen = until("the lease expires", async || {
        let membership = store.beat(&beat("two", LONG, &[])).await.unwrap();
        let lease = membership.lease(PARTITION).unwrap().clone();
        (!lease.live).then_some(lease)
    })
    .await;
    assert_eq!(seen.replica, Some("one".into()));
    let membership = store.beat(&beat("one", LONG, &[&owner])).await.unwrap();
    assert_eq!(membership.held, [PARTITION]);
    assert_eq!(membership.owner(PARTITION).unwrap().1, owner.epoch);
    let refused = store.take(PARTITION, &claim("two", LONG)).await;
    assert!(matches!(refused, Err(Error::Leased { .. })), "{refused:?}");
    assert!(!is_fenced(&store, &owner).await);
}

#[tokio::test]
async fn a_given_lease_is_nobodys_and_cannot_be_renewed() {
    let Some(database) = Database::create() else {
        return;
    };
    let store = open(&database).await;
    let mut owners = Vec::new();
    for partition in 0..3 {
        let claim = claim("one", LONG);
        owners.push(store.take(PartitionId(partition), &claim).await.unwrap());
    }
    let one = ReplicaId::from("one");
    store.give(PARTITION, owners[0].epoch, &one).await.unwrap();
    let all: Vec<_> = owners.iter().collect();
    let membership = store.beat(&beat("one", LONG, &all)).await.unwrap();
    assert_eq!(membership.held, [PartitionId(1), PartitionId(2)]);
    let lease = membership.lease(PARTITION).unwrap();
    assert_eq!((lease.replica.clone(), lease.live), (None, false));
    assert_eq!(membership.owner(PARTITION), None);

    store.leave(&one).await.unwrap();
    for partition in 0..3 {
        let claim = claim("two", LONG);
        let owner = store.take(PartitionId(partition), &claim).await.unwrap();
        assert!(owner.epoch > owners[usize::from(partition)].epoch);
    }
}

#[tokio::test]
async fn the_same_replica_takes_its_own_lease_again_in_a_new_epoch() {
    let Some(database) = Database::create() else {
        return;
    };
    let store = open(&database).await;
    let first = store.take(PARTITION, &claim("one", LONG)).await.unwrap();
    let second = store.take(PARTITION, &claim("one", LONG)).await.unwrap();
    assert!(second.epoch > first.epoch);
    assert!(is_fenced(&store, &first).await);
    let old = store.beat(&beat("one", LONG, &[&first])).await.unwrap();
    assert!(old.held.is_empty());
    let new = store.beat(&beat("one", LONG, &[&second])).await.unwrap();
    assert_eq!(new.held, [PARTITION]);
}

#[tokio::test]
async fn a_taker_that_is_stuck_costs_only_the_lease_that_it_takes() {
    let Some(database) = Database::create() else {
        return;
    };
    let store = open(&database).await;
    let one = store
        .take(PartitionId(0), &claim("one", LONG))
        .await
        .unwrap();
    let two = store
        .take(PartitionId(1), &claim("one", LONG))
        .await
        .unwrap();
    let mut taker = database.connect().await;
    let mut taker = taker.begin().await.unwrap();
    sqlx::query("SELECT FROM partition_lease WHERE partition = 1 FOR UPDATE")
        .execute(&mut *taker)
        .await
        .unwrap();
    let membership = store.beat(&beat("one", LONG, &[&one, &two])).await.unwrap();
    assert_eq!(membership.held, [PartitionId(0)]);
    assert_eq!(membership.leases.len(), 2);
    taker.rollback().await.unwrap();
    let membership = store.beat(&beat("one", LONG, &[&one, &two])).await.unwrap();
    assert_eq!(membership.held, [PartitionId(0), PartitionId(1)]);
}

#[tokio::test]
async fn the_dead_are_forgotten_after_an_hour_and_their_leases_remain() {
    let Some(database) = Database::create() else {
        return;
    };
    let store = open(&database).await;
    store.beat(&beat("dead", SHORT, &[])).await.unwrap();
    store.take(PARTITION, &claim("dead", SHORT)).await.unwrap();
    store.beat(&beat("ill", LONG, &[])).await.unwrap();
    let names = |membership: &Membership| -> BTreeSet<String> {
        let rows = membership.replicas.iter();
        rows.map(|row| row.replica.as_str().to_owned()).collect()
    };
    until("the replica dies", async || {
        let membership = store.beat(&beat("me", LONG, &[])).await.unwrap();
        assert_eq!(names(&membership).len(), 3);
        (!membership.replica(&"dead".into()).unwrap().live).then_some(())
    })
    .await;
    let age = "UPDATE replica SET expires_at = statement_timestamp() - interval '61 minutes'
               WHERE replica = 'dead';
               UPDATE replica SET expires_at = statement_timestamp() - interval '59 minutes'
               WHERE replica = 'ill'";
    let mut beside = database.connect().await;
    sqlx::raw_sql(age).execute(&mut beside).await.unwrap();
    let membership = store.beat(&beat("me", LONG, &[])).await.unwrap();
    assert_eq!(names(&membership), ["ill", "me"].map(str::to_owned).into());
    assert!(!membership.replica(&"ill".into()).unwrap().live);
    let lease = membership.lease(PARTITION).unwrap();
    assert_eq!(lease.replica, Some("dead".into()));
    assert_eq!(membership.owner(PARTITION), None);
}

#[tokio::test]
async fn the_number_of_partitions_is_decided_once() {
    let Some(database) = Database::create() else {
        return;
    };
    let wish = |partitions| PostgresOptions {
        partitions,
        ..PostgresOptions::default()
    };
    let store = open_with(&database, wish(Some(8))).await.unwrap();
    assert_eq!(store.partitions(), 8);
    assert_eq!(
        open_with(&database, wish(None)).await.unwrap().partitions(),
        8
    );
    let refused = open_with(&database, wish(Some(9))).await.unwrap_err();
    assert_eq!(
        refused.to_string(),
        "the database was made with 8 partitions and cannot have 9; leave the number out, or use another database"
    );
    let Some(other) = Database::create() else {
        return;
    };
    let (one, two) = tokio::join!(open(&other), open(&other));
    assert_eq!(
        [one.partitions(), two.partitions()],
        [PARTITIONS_DEFAULT; 2]
    );
}
