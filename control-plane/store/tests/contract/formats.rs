//! What a newer build, or something else, wrote is refused with a sentence.

use insula_store::{Error, Options, Store};
use insula_types::record::Record;

use crate::sample;
use crate::site::{PARTITION, Site, cell, claim, fill, take};

#[tokio::test]
async fn a_database_that_a_newer_build_migrated_is_not_opened() {
    for site in Site::durable() {
        drop(site.open().await);
        site.tamper("UPDATE _sqlx_migrations SET version = 9000 WHERE version = 1")
            .await;
        let refused = site.open_bare().await.unwrap_err();
        assert!(
            matches!(refused, Error::NewerFormat { found: 9000, .. }),
            "{refused}"
        );
    }
}

#[tokio::test]
async fn a_partition_that_a_newer_build_owned_is_not_taken() {
    for site in Site::durable() {
        let store = site.open().await;
        take(&store).await;
        site.tamper("UPDATE partition_head SET format_version = 9")
            .await;
        let refused = store.take(PARTITION, &claim()).await.unwrap_err();
        assert!(
            matches!(refused, Error::NewerFormat { found: 9, .. }),
            "{refused}"
        );
        assert!(
            refused.to_string().contains("start the newer version"),
            "{refused}"
        );
    }
}

#[tokio::test]
async fn a_row_that_cannot_be_read_is_named() {
    let cases = [
        (
            "UPDATE task SET state = 'TASK_DANCING'",
            "column state of a row in table task",
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
        for site in Site::durable() {
            let store = site.open().await;
            fill(&store, one_of_each()).await;
            site.tamper(sql).await;
            let refused = store.load(&cell()).await.unwrap_err().to_string();
            assert!(refused.contains(sentence), "{sql}: {refused}");
        }
    }
}

/// Postgres' own checks would not let it in.
#[tokio::test]
async fn a_uuid_of_another_length_is_named() {
    let site = Site::sqlite();
    let store = site.open().await;
    fill(&store, one_of_each()).await;
    site.tamper("UPDATE task SET status_uuid = x'00'").await;
    let refused = store.load(&cell()).await.unwrap_err().to_string();
    let sentence = "column status_uuid of a row in table task";
    assert!(refused.contains(sentence), "{refused}");
}

fn one_of_each() -> Vec<Record> {
    let key = sample::framework_key("a", "one");
    vec![
        Record::Agent(Box::new(sample::full_agent("agent"))),
        Record::Framework(Box::new(sample::plain_framework(key.clone()))),
        Record::Task(Box::new(sample::full_task(key, "t", 1))),
    ]
}

#[tokio::test]
async fn a_server_that_may_forget_is_not_used() {
    let Some(site) = Site::postgres() else { return };
    drop(site.open().await);
    site.tamper(
        "DO $$ BEGIN
             EXECUTE format('ALTER DATABASE %I SET synchronous_commit = off', current_database());
         END $$",
    )
    .await;
    let refused = site.open_bare().await.unwrap_err();
    assert_eq!(
        refused.to_string(),
        "the Postgres server runs with synchronous_commit = off, and would lose tasks in a crash; \
         turn synchronous_commit on"
    );
}

#[tokio::test]
async fn a_file_that_is_no_database_is_not_opened() {
    let site = Site::sqlite();
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
    let site = Site::sqlite();
    let directory = site.directory().join("made");
    let store = Store::open(&directory, Options::default()).await.unwrap();
    take(&store).await;
    let mode = |path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(directory.clone()), 0o700);
    for name in ["insula.db", "insula.db-wal", "insula.lock"] {
        assert_eq!(mode(directory.join(name)), 0o600, "{name}");
    }
}
