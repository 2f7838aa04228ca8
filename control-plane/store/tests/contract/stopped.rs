//! A commit that stands still: its client is paused, or the server's own process is.

use std::future::Future;
use std::pin::Pin;
use std::process::Command;
use std::time::Duration;

use insula_store::{CommitError, CommitNo, Ownership, Store};
use insula_types::record::Record;
use sqlx::{PgConnection, Row};

use crate::sample;
use crate::server::Database;
use crate::site::{PARTITION, Site, cell, claim, commit, take};

type Commit<'c> = Pin<Box<dyn Future<Output = Result<CommitNo, CommitError>> + 'c>>;

/// Far more than what is waited for takes, which is at most seconds.
const DEADLINE: Duration = Duration::from_secs(60);

fn database(site: &Site) -> &Database {
    match site {
        Site::Postgres(database) => database,
        Site::Directory(_) | Site::Memory => panic!("these stories are about Postgres"),
    }
}

/// The process of the server that is in the midst of a commit.
async fn committer(connection: &mut PgConnection) -> Option<i32> {
    let sql = "SELECT pid FROM pg_locks JOIN pg_database ON pg_database.oid = pg_locks.database
               WHERE locktype = 'advisory' AND classid = 1231975285 AND objsubid = 2
                 AND datname = current_database()";
    let row = sqlx::query(sql).fetch_optional(connection).await.unwrap();
    row.map(|row| row.get("pid"))
}

/// Drives a commit until the server is in the midst of it, and leaves it there.
async fn halfway(writing: &mut Commit<'_>, connection: &mut PgConnection) -> i32 {
    let found = async {
        loop {
            tokio::select! {
                biased;
                result = &mut *writing => panic!("the commit ended: {result:?}"),
                found = committer(connection) => {
                    if let Some(pid) = found {
                        return pid;
                    }
                }
            }
        }
    };
    tokio::time::timeout(DEADLINE, found).await.unwrap()
}

/// A process that stands still until this value goes.
struct Stopped(String);

impl Stopped {
    /// Nothing where the server is not ours to signal.
    fn stop(pid: i32) -> Option<Self> {
        let stopped = Self(pid.to_string());
        if stopped.signal("-STOP") {
            return Some(stopped);
        }
        eprintln!(
            "skipped: stopping a process of the Postgres server, which is not ours to signal"
        );
        std::mem::forget(stopped);
        None
    }

    fn signal(&self, signal: &str) -> bool {
        Command::new("kill")
            .args([signal, &self.0])
            .status()
            .is_ok_and(|status| status.success())
    }
}

impl Drop for Stopped {
    fn drop(&mut self) {
        self.signal("-CONT");
    }
}

/// Holds what a commit needs, so that it waits in its midst.
async fn hold(connection: &mut PgConnection, sql: &'static str) {
    sqlx::raw_sql("BEGIN")
        .execute(&mut *connection)
        .await
        .unwrap();
    sqlx::raw_sql(sql).execute(connection).await.unwrap();
}

async fn let_go(connection: &mut PgConnection) {
    sqlx::raw_sql("ROLLBACK").execute(connection).await.unwrap();
}

/// Takes the partition and commits the row that is going to be held.
async fn own_a_role(store: &Store) -> Ownership {
    let owner = take(store).await;
    let commit_no = write(store, &owner).await.unwrap();
    Ownership { commit_no, ..owner }
}

/// A commit that needs a row which somebody holds.
fn write<'c>(store: &'c Store, owner: &'c Ownership) -> Commit<'c> {
    let records = vec![Record::Role(sample::role("held"))];
    Box::pin(commit(store, owner, owner.commit_no, records))
}

const HOLD_ROLE: &str = "SELECT FROM role FOR UPDATE";

#[tokio::test]
async fn a_transaction_whose_client_is_paused_ends_by_itself() {
    let Some(site) = Site::postgres() else { return };
    let store = site.open().await;
    let owner = own_a_role(&store).await;
    let mut beside = database(&site).connect().await;
    let mut holder = database(&site).connect().await;

    hold(&mut holder, HOLD_ROLE).await;
    let mut writing = write(&store, &owner);
    halfway(&mut writing, &mut beside).await;
    // The server goes on with the statement, and then waits for the next one, which does not come.
    let_go(&mut holder).await;
    let ended = async { while committer(&mut beside).await.is_some() {} };
    tokio::time::timeout(DEADLINE, ended).await.unwrap();
    let refused = writing.await.unwrap_err();
    assert!(!refused.is_data_error(), "{refused:?}");
    let head = store.head(PARTITION).await.unwrap().unwrap();
    assert_eq!(head.commit_no, owner.commit_no);
}

#[tokio::test]
async fn a_taker_does_not_wait_for_a_stopped_process_that_has_not_reached_the_fence() {
    let Some(site) = Site::postgres() else { return };
    let old = site.open().await;
    let paused = own_a_role(&old).await;
    let new = site.open_beside().await;
    let mut beside = database(&site).connect().await;
    let mut holder = database(&site).connect().await;

    hold(&mut holder, HOLD_ROLE).await;
    let mut writing = write(&old, &paused);
    let pid = halfway(&mut writing, &mut beside).await;
    let Some(stopped) = Stopped::stop(pid) else {
        return;
    };
    let_go(&mut holder).await;
    let owner = take(&new).await;
    drop(stopped);
    let refused = writing.await.unwrap_err();
    assert!(
        !matches!(refused, CommitError::OutcomeUnknown { .. }),
        "{refused}"
    );
    assert_eq!(owner.commit_no, paused.commit_no);
    commit(&new, &owner, owner.commit_no, vec![]).await.unwrap();
}

#[tokio::test]
async fn a_taker_is_refused_while_nobody_can_tell_whether_a_commit_happens() {
    let Some(site) = Site::postgres() else { return };
    let old = site.open().await;
    let paused = take(&old).await;
    let new = site.open_beside().await;
    let mut beside = database(&site).connect().await;
    let mut holder = database(&site).connect().await;

    site.tamper(WAIT_BEHIND_THE_FENCE).await;
    hold(&mut holder, "SELECT pg_advisory_xact_lock(7)").await;
    let mut writing = write(&old, &paused);
    let pid = halfway(&mut writing, &mut beside).await;
    behind_the_fence(&mut writing, &mut beside, pid).await;
    let Some(stopped) = Stopped::stop(pid) else {
        return;
    };
    let_go(&mut holder).await;
    // The stopped process holds the head, and is free to commit as soon as it goes on.
    let refused = new.take(PARTITION, &claim()).await.unwrap_err();
    assert_eq!(
        refused.to_string(),
        "the database failed to read a partition's head"
    );
    drop(stopped);
    let result = writing.await;
    let owner = take(&new).await;
    let committed = owner.commit_no > paused.commit_no;
    assert_eq!(result.is_ok(), committed, "{result:?}");
    let roles = new.load(&cell()).await.unwrap().roles;
    assert_eq!(roles.len(), usize::from(committed));
}

/// Makes a commit wait between the fence and the end.
const WAIT_BEHIND_THE_FENCE: &str = "
    CREATE FUNCTION wait() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN PERFORM pg_advisory_xact_lock(7); RETURN NULL; END $$;
    CREATE TRIGGER wait AFTER UPDATE OF commit_no ON partition_head
        FOR EACH ROW EXECUTE FUNCTION wait()";

/// Drives a commit until it waits there.
async fn behind_the_fence(writing: &mut Commit<'_>, connection: &mut PgConnection, pid: i32) {
    let sql = "SELECT FROM pg_locks WHERE pid = $1 AND NOT granted AND locktype = 'advisory'";
    let waits = async {
        loop {
            tokio::select! {
                biased;
                result = &mut *writing => panic!("the commit ended: {result:?}"),
                found = sqlx::query(sql).bind(pid).fetch_optional(&mut *connection) => {
                    if found.unwrap().is_some() {
                        return;
                    }
                }
            }
        }
    };
    tokio::time::timeout(DEADLINE, waits).await.unwrap();
}
