//! The fence alone keeps two owners apart: two stores on one place, without the lock.

use insula_store::{CommitError, Error, Options, Store};
use insula_types::record::Record;

use crate::sample;
use crate::site::{Site, cell, commit, take};

#[tokio::test]
async fn a_second_process_is_told_who_owns_the_directory() {
    let site = Site::sqlite();
    let store = site.open().await;
    let refused = Store::open(site.directory(), Options::default())
        .await
        .unwrap_err();
    assert!(matches!(refused, Error::InUse { .. }), "{refused}");
    let sentence = refused.to_string();
    assert!(
        sentence.contains(&format!("process {}", std::process::id())),
        "{sentence}"
    );
    assert!(
        sentence.contains("choose another data directory"),
        "{sentence}"
    );
    drop(store);
    site.open().await;
}

#[tokio::test]
async fn an_owner_that_was_paused_before_its_commit_cannot_write() {
    for site in Site::durable() {
        let old = site.open().await;
        let paused = take(&old).await;
        let new = site.open_beside().await;
        let owner = take(&new).await;
        let record = vec![Record::Role(sample::role("late"))];
        let refused = commit(&old, &paused, paused.commit_no, record)
            .await
            .unwrap_err();
        assert!(matches!(refused, CommitError::Fenced { .. }), "{refused}");
        assert_eq!(new.load(&cell()).await.unwrap().roles, []);
        commit(&new, &owner, owner.commit_no, vec![]).await.unwrap();
    }
}

#[tokio::test]
async fn an_old_owner_cannot_write_even_where_the_number_fits() {
    for site in Site::durable() {
        let old = site.open().await;
        let paused = take(&old).await;
        let new = site.open_beside().await;
        let owner = take(&new).await;
        let number = commit(&new, &owner, owner.commit_no, vec![]).await.unwrap();
        let refused = commit(&old, &paused, number, vec![]).await.unwrap_err();
        assert!(matches!(refused, CommitError::Fenced { .. }), "{refused}");
    }
}

#[tokio::test]
async fn a_commit_whose_answer_was_lost_is_read_from_the_number_and_never_happens_twice() {
    for site in Site::durable() {
        let store = site.open().await;
        let owner = take(&store).await;
        let record = vec![Record::Role(sample::role("once"))];
        commit(&store, &owner, owner.commit_no, record.clone())
            .await
            .unwrap();
        // The answer did not arrive; a client that guessed would try again.
        let refused = commit(&store, &owner, owner.commit_no, record)
            .await
            .unwrap_err();
        assert!(matches!(refused, CommitError::Fenced { .. }), "{refused}");
        let again = take(&store).await;
        assert_eq!(again.commit_no, owner.commit_no.next());
    }
}
