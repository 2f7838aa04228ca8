//! What only a Redis server can do.

use insula_broker::{Beats, BeginError, Broker, Health, Received};

use crate::support::{DEADLINE, RedisServer, link, message, news, options, say, stream};

fn is_skipped() -> bool {
    let is_skipped = !RedisServer::is_installed();
    if is_skipped {
        eprintln!("skipped: redis-server is not installed");
    }
    is_skipped
}

#[tokio::test]
async fn a_server_that_would_throw_messages_away_is_refused() {
    if is_skipped() {
        return;
    }
    let server = RedisServer::start("allkeys-lru").await;
    let refused = Broker::connect(&server.url(), options()).await.unwrap_err();
    assert!(matches!(&refused, BeginError::Evicts { policy } if policy == "allkeys-lru"));
    assert_eq!(
        refused.to_string(),
        "the Redis server's maxmemory-policy is 'allkeys-lru', with which it discards messages when its memory is full; set it to 'noeviction'"
    );
}

#[tokio::test]
async fn an_address_without_a_server_is_said_to_be_so() {
    let refused = Broker::connect("redis://127.0.0.1:1/", options()).await;
    assert!(matches!(refused.unwrap_err(), BeginError::Away(_)));
    let refused = Broker::connect("postgres://127.0.0.1/", options()).await;
    assert!(matches!(refused.unwrap_err(), BeginError::Address(_)));
}

#[tokio::test]
async fn a_server_that_hangs_counts_as_lost() {
    if is_skipped() {
        return;
    }
    let server = RedisServer::start("noeviction").await;
    let broker = Broker::connect(&server.url(), options()).await.unwrap();
    let mut reader = broker.reader(stream());
    let mut writer = broker.writer(stream(), link(1), Beats::EverySecond);
    say(&mut writer, "one");
    assert_eq!(message(&mut reader).await.text, "one");
    server.signal("STOP");
    assert!(matches!(news(&mut reader).await, Received::Lost { .. }));
    let mut health = broker.health();
    let down = health.wait_for(|health| matches!(health, Health::Down { .. }));
    tokio::time::timeout(DEADLINE, down).await.unwrap().unwrap();
    server.signal("CONT");
    let up = health.wait_for(|health| *health == Health::Up);
    tokio::time::timeout(DEADLINE, up).await.unwrap().unwrap();
}

#[tokio::test]
async fn a_server_without_memory_takes_nothing_and_loses_nothing() {
    if is_skipped() {
        return;
    }
    let server = RedisServer::start("noeviction").await;
    let broker = Broker::connect(&server.url(), options()).await.unwrap();
    let client = redis::Client::open(server.url()).unwrap();
    let mut connection = client.get_multiplexed_async_connection().await.unwrap();
    let mut limit = async |bytes: &str| {
        let mut set = redis::cmd("CONFIG");
        set.arg(&["SET", "maxmemory", bytes]);
        set.query_async::<()>(&mut connection).await.unwrap();
    };
    let mut reader = broker.reader(stream());
    limit("1").await;
    let mut writer = broker.writer(stream(), link(1), Beats::WhenTold);
    say(&mut writer, "one");
    crate::support::until("the writer finds no credit", async || {
        broker.depths().writers_without_credit == 1
    })
    .await;
    limit("0").await;
    assert_eq!(message(&mut reader).await.text, "one");
}
