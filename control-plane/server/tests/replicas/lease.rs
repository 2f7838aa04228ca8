//! An owner whose lease has ended says nothing (rules R3, R9).

use std::sync::Arc;
use std::time::Duration;

use insula_kernel::Config;
use insula_server::partition::{Driver, Ended, Lease, Network, Options, Sessions, Unavailable};
use insula_store::{Error, Retention, Store};
use insula_types::membership::{Claim, Membership};
use insula_types::message::Peer;
use insula_types::{CellId, PartitionId, Span};
use tokio::sync::watch;

use crate::site::{DEADLINE, LONG, Site, roles, set_role, try_set_role};

const PARTITION: PartitionId = PartitionId(0);

fn claim(replica: &str, ttl: Duration) -> Claim {
    Claim {
        replica: replica.into(),
        ttl: ttl.into(),
    }
}

/// A driver whose lease nobody renews.
async fn start(site: &Site, store: &Store, ttl: Duration) -> (Driver, Arc<Lease>) {
    let lease = Lease::new(PARTITION, claim("first", ttl), Span::ZERO).unwrap();
    let lease = Arc::new(lease);
    let options = Options {
        partition: PARTITION,
        kernel: Config::default(),
        retention: Retention::default(),
        sessions: Sessions::default(),
        lease: Some(Arc::clone(&lease)),
        network: Some(Network {
            broker: site.broker().await,
            membership: watch::channel(Arc::new(Membership::default())).1,
            nudge: Arc::default(),
            beat: site.durations.link_beat,
        }),
    };
    let mut driver = Driver::start(store.clone(), options).await.unwrap();
    driver.loaded().await.unwrap();
    (driver, lease)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_owner_that_was_replaced_while_it_slept_answers_nobody_and_ends() {
    let Some(site) = Site::new(1, LONG) else {
        return;
    };
    let store = site.store().await;
    let cell = CellId::from("default");
    store.add_cell(&cell, None).await.unwrap();
    let (mut stale, _lease) = start(&site, &store, Duration::from_millis(100)).await;
    let handle = stale.port().cell(&cell).unwrap();
    set_role(&handle, "t/before").await;
    let mut session = handle.sessions().open(Peer::Framework {
        framework: insula_types::FrameworkKey {
            tenant: "t".into(),
            framework: "f".into(),
        },
        session: "session".into(),
    });

    // Its lease runs out, and another takes the partition as soon as that is so.
    let taken = async {
        loop {
            match store.take(PARTITION, &claim("second", LONG)).await {
                Ok(ownership) => return ownership.epoch,
                Err(Error::Leased { .. }) => tokio::time::sleep(Duration::from_millis(5)).await,
                Err(error) => panic!("{error}"),
            }
        }
    };
    let epoch = tokio::time::timeout(DEADLINE, taken).await.unwrap();
    assert!(epoch > stale.port().epoch());

    assert!(try_set_role(&handle, "t/stale").await.is_err());
    assert_eq!(stale.ended().await, Ended::Lost);
    assert!(session.next().await.is_none(), "nothing was said to it");
    assert_eq!(roles(&store, &cell).await, ["t/before"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_owner_that_hears_of_its_loss_stops_without_another_word() {
    let Some(site) = Site::new(1, LONG) else {
        return;
    };
    let store = site.store().await;
    let cell = CellId::from("default");
    store.add_cell(&cell, None).await.unwrap();
    let (mut driver, lease) = start(&site, &store, LONG).await;
    let epoch = driver.port().epoch();
    store.give(PARTITION, epoch, &"first".into()).await.unwrap();
    store.take(PARTITION, &claim("second", LONG)).await.unwrap();
    lease.refused(epoch);
    let ended = tokio::time::timeout(DEADLINE, driver.ended()).await;
    assert_eq!(ended.unwrap(), Ended::Lost);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_owner_whose_lease_nobody_took_goes_on_under_a_new_epoch() {
    let Some(site) = Site::new(1, LONG) else {
        return;
    };
    let store = site.store().await;
    let cell = CellId::from("default");
    store.add_cell(&cell, None).await.unwrap();
    let (driver, lease) = start(&site, &store, LONG).await;
    let epoch = driver.port().epoch();
    lease.refused(epoch);
    let again = driver.port().taken_again(epoch);
    assert!(tokio::time::timeout(DEADLINE, again).await.unwrap() > epoch);
    let handle = driver.port().cell(&cell).unwrap();
    set_role(&handle, "t/after").await;
    driver.stop(DEADLINE).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_that_does_not_end_is_given_up_once_the_lease_is_long_over() {
    let Some(site) = Site::new(1, LONG) else {
        return;
    };
    let store = site.store().await;
    let cell = CellId::from("default");
    store.add_cell(&cell, None).await.unwrap();
    site.database.execute(STAND_STILL);
    let (driver, _lease) = start(&site, &store, Duration::from_millis(500)).await;
    let handle = driver.port().cell(&cell).unwrap();
    let epoch = driver.port().epoch();
    let mut session = handle.sessions().open(Peer::Framework {
        framework: insula_types::FrameworkKey {
            tenant: "t".into(),
            framework: "f".into(),
        },
        session: "session".into(),
    });

    let stuck = tokio::time::timeout(DEADLINE, try_set_role(&handle, "t/stuck")).await;
    assert_eq!(stuck.unwrap(), Err(Unavailable::uncertain()));
    assert!(session.next().await.is_none(), "its gateway lets it go");
    let again = driver.port().taken_again(epoch);
    assert!(tokio::time::timeout(DEADLINE, again).await.unwrap() > epoch);
    set_role(&handle, "t/after").await;
    assert_eq!(roles(&store, &cell).await, ["t/after"]);
    driver.stop(DEADLINE).await.unwrap();
}

/// A database that never finishes to write one role.
const STAND_STILL: &str = "
    CREATE FUNCTION stand_still() RETURNS trigger LANGUAGE plpgsql
        AS 'BEGIN PERFORM pg_sleep(3600); RETURN NEW; END';
    CREATE TRIGGER stand_still BEFORE INSERT ON role
        FOR EACH ROW WHEN (NEW.path = 't/stuck') EXECUTE FUNCTION stand_still()";
