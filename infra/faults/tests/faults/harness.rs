//! The harness itself: before anything is disturbed, nothing may be found wrong.

use std::net::SocketAddr;
use std::time::Duration;

use insula_faults::history::{Answer, Entry, Seen, violations};
use insula_faults::{Framework, Http, Load, Place, Postgres, Program, Redis, Wanted, until};
use tokio::time::Instant;

use crate::support::{STEADY, found};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn services_come_and_go() {
    let Some(found) = found() else { return };
    let place = Place::new();
    let mut postgres = Postgres::start(&found.postgres, place.path()).await;
    let _nothing = postgres.query("CREATE TABLE t (n INT); INSERT INTO t VALUES (1)");
    postgres.backup();
    let _nothing = postgres.query("INSERT INTO t VALUES (2)");
    postgres.kill();
    postgres.up().await;
    assert_eq!(postgres.query("SELECT n FROM t ORDER BY n"), ["1", "2"]);
    postgres.restore().await;
    assert_eq!(postgres.query("SELECT n FROM t ORDER BY n"), ["1"]);
    let mut redis = Redis::start(&found.redis, place.path()).await;
    redis.kill();
    redis.up().await;
}

/// `insula dev` has no service that could be disturbed, but the same front.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_framework_finds_nothing_wrong_where_nothing_is() {
    let Some(found) = found() else { return };
    let place = Place::new();
    let log = place.file("dev.log");
    let mut dev = Program::new(&found.insula)
        .args(["dev", "--listen", "127.0.0.1:0", "--agents", "2"])
        .args(["--resources", "cpus:8;mem:4096", "--data-dir"])
        .arg(place.file("data"))
        .start("insula dev", &log);
    let address: SocketAddr = until("its address", || {
        dev.assert_lives();
        let said = dev.log();
        let address = said.split_once("control plane at http://");
        let address = address.and_then(|(_, rest)| rest.split_once(',')?.0.parse().ok());
        async move { address }
    })
    .await;
    let framework = Framework::start(Wanted {
        name: "steady".to_owned(),
        http: Http::at(address),
        failover_timeout: Duration::ZERO,
        silence: Duration::from_secs(60),
        load: Load {
            per_second: 40,
            ..STEADY
        },
        starts: place.file("starts"),
        began: Instant::now(),
    });
    framework.until_steady().await;
    until("an offer to be used twice", || {
        let twice = uses_an_offer_twice(&framework.entries());
        async move { twice.then_some(()) }
    })
    .await;
    framework.until_works_again(Instant::now()).await;
    framework.come_to_rest().await;
    let found = violations(&framework.evidence());
    assert_eq!(found, []);
}

/// Whether an offer was used again, which the control plane takes, and answers with a lost task.
fn uses_an_offer_twice(entries: &[Entry]) -> bool {
    let mut used = Vec::new();
    entries.iter().any(|entry| match &entry.what {
        Seen::Accepted {
            offer,
            answer: Answer::Taken,
            ..
        } => {
            let again = used.contains(&offer);
            used.push(offer);
            again
        }
        _ => false,
    })
}
