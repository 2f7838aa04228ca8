//! What a newer build, or something else, wrote is refused with a sentence.

use insula_store::{Error, Options, Store};
use insula_types::record::Record;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions};

use crate::sample;
use crate::site::{PARTITION, Site, cell, fill};

/// Changes a database behind the store's back.
async fn tamper(site: &Site, sql: &str) {
    let path = site.directory().join("insula.db");
    let mut connection = SqliteConnectOptions::new()
        .filename(path)
        .connect()
        .await
        .unwrap();
    sqlx::query(AssertSqlSafe(sql.to_owned()))
        .execute(&mut connection)
        .await
        .unwrap();
}

#[tokio::test]
async fn a_database_that_a_newer_build_migrated_is_not_opened() {
    let site = Site::durable();
    drop(site.open().await);
    tamper(
        &site,
        "UPDATE _sqlx_migrations SET version = 9000 WHERE version = 1",
    )
    .await;
    let refused = Store::open(site.directory(), Options::default())
        .await
        .unwrap_err();
    assert!(
        matches!(refused, Error::NewerFormat { found: 9000, .. }),
        "{refused}"
    );
}

#[tokio::test]
async fn a_partition_that_a_newer_build_owned_is_not_taken() {
    let site = Site::durable();
    let store = site.open().await;
    store.take(PARTITION).await.unwrap();
    tamper(&site, "UPDATE partition_head SET format_version = 9").await;
    let refused = store.take(PARTITION).await.unwrap_err();
    assert!(
        matches!(refused, Error::NewerFormat { found: 9, .. }),
        "{refused}"
    );
    assert!(
        refused.to_string().contains("start the newer version"),
        "{refused}"
    );
}

#[tokio::test]
async fn a_row_that_cannot_be_read_is_named() {
    let key = sample::framework_key("a", "one");
    let cases = [
        (
            "UPDATE task SET state = 'TASK_DANCING'",
            "column state of a row in table task",
        ),
        (
            "UPDATE task SET status_uuid = x'00'",
            "column status_uuid of a row in table task",
        ),
        (
            "UPDATE task SET launch_seq = -1",
            "column launch_seq of a row in table task",
        ),
        (
            "UPDATE task SET resources = 'cpus:many'",
            "column resources of a row in table task",
        ),
        (
            "UPDATE agent SET attributes = '{'",
            "column attributes of a row in table agent",
        ),
        (
            "UPDATE agent SET unreachable_since_us = NULL",
            "column unreachable_since_us of a row",
        ),
        (
            "UPDATE framework SET format_version = 2000000000",
            "a row of table framework was written",
        ),
    ];
    for (sql, sentence) in cases {
        let site = Site::durable();
        let store = site.open().await;
        let records = vec![
            Record::Agent(Box::new(sample::full_agent("agent"))),
            Record::Framework(Box::new(sample::plain_framework(key.clone()))),
            Record::Task(Box::new(sample::full_task(key.clone(), "t", 1))),
        ];
        fill(&store, records).await;
        tamper(&site, sql).await;
        let refused = store.load(&cell()).await.unwrap_err().to_string();
        assert!(refused.contains(sentence), "{sql}: {refused}");
    }
}

#[tokio::test]
async fn a_file_that_is_no_database_is_not_opened() {
    let site = Site::durable();
    std::fs::write(
        site.directory().join("insula.db"),
        "this is a letter, not a database",
    )
    .unwrap();
    let refused = Store::open(site.directory(), Options::default())
        .await
        .unwrap_err();
    assert!(
        refused.to_string().contains("cannot open the database"),
        "{refused}"
    );
}

#[tokio::test]
async fn what_lies_in_the_directory_is_readable_by_its_owner_alone() {
    use std::os::unix::fs::PermissionsExt;
    let site = Site::durable();
    let directory = site.directory().join("made");
    let store = Store::open(&directory, Options::default()).await.unwrap();
    store.take(PARTITION).await.unwrap();
    let mode = |path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(directory.clone()), 0o700);
    for name in ["insula.db", "insula.db-wal", "insula.lock"] {
        assert_eq!(mode(directory.join(name)), 0o600, "{name}");
    }
}
