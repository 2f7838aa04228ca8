//! Commits are numbered, whole, and marked.

use insula_store::{CellRecords, CommitError, CommitNo, Error, InputMark};
use insula_types::record::{AgentRow, Record, RoleRow};
use insula_types::{AgentId, CellId, Epoch};

use crate::sample;
use crate::site::{PARTITION, Site, cell, commit};

#[tokio::test]
async fn commits_are_numbered_one_after_the_other_across_owners() {
    for site in Site::all() {
        let store = site.open().await;
        assert_eq!(store.head(PARTITION).await.unwrap(), None);
        let first = store.take(PARTITION).await.unwrap();
        assert_eq!(first.commit_no, CommitNo(0));
        let one = commit(&store, &first, CommitNo(0), vec![]).await.unwrap();
        let two = commit(&store, &first, one, vec![]).await.unwrap();
        assert_eq!(two, CommitNo(2));
        let second = store.take(PARTITION).await.unwrap();
        assert_eq!(second.commit_no, two);
        let head = store.head(PARTITION).await.unwrap().unwrap();
        assert_eq!((head.epoch, head.commit_no), (second.epoch, two));
    }
}

#[tokio::test]
async fn epochs_grow_and_are_at_least_the_unix_time_in_milliseconds() {
    for site in Site::all() {
        let store = site.open().await;
        let mut last = Epoch(0);
        for _ in 0..50 {
            let owner = store.take(PARTITION).await.unwrap();
            assert!(owner.epoch > last);
            assert!(
                owner.epoch.0 >= owner.now.0 / 1_000,
                "{} is before {:?}",
                owner.epoch.0,
                owner.now
            );
            last = owner.epoch;
        }
    }
}

#[tokio::test]
async fn a_commit_that_names_another_number_changes_nothing() {
    for site in Site::all() {
        let store = site.open().await;
        let owner = store.take(PARTITION).await.unwrap();
        for wrong in [CommitNo(1), CommitNo(u64::MAX)] {
            let refused =
                commit(&store, &owner, wrong, vec![Record::Role(sample::role("a"))]).await;
            assert!(
                matches!(refused, Err(CommitError::Fenced { .. })),
                "{refused:?}"
            );
        }
        assert_eq!(store.load(&cell()).await.unwrap().roles, []);
    }
}

#[tokio::test]
async fn all_of_a_commit_fails_with_any_part_of_it() {
    for site in Site::all() {
        let store = site.open().await;
        let owner = store.take(PARTITION).await.unwrap();
        let bad_records = [
            Record::AgentConfirmed(AgentId::from("nobody"), 1),
            Record::Role(RoleRow {
                weight: u64::MAX,
                ..sample::role("b")
            }),
        ];
        for bad in bad_records {
            let records = vec![Record::Role(sample::role("a")), bad];
            let refused = commit(&store, &owner, owner.commit_no, records).await;
            assert!(
                matches!(refused, Err(CommitError::Failed { .. })),
                "{refused:?}"
            );
        }
        assert_eq!(store.load(&cell()).await.unwrap().roles, []);
        // The head has not moved either.
        commit(&store, &owner, owner.commit_no, vec![])
            .await
            .unwrap();
    }
}

#[tokio::test]
async fn records_of_a_cell_that_does_not_exist_are_refused() {
    for site in Site::all() {
        let store = site.open().await;
        let unknown = CellId::from("elsewhere");
        let refused = store.load(&unknown).await;
        assert!(matches!(refused, Err(Error::CellUnknown(_))), "{refused:?}");
        let owner = store.take(PARTITION).await.unwrap();
        let row = store.load(&cell()).await.unwrap().cell;
        let cells = [CellRecords {
            cell: unknown,
            records: vec![Record::Cell(row)],
        }];
        let refused = store
            .commit(PARTITION, owner.epoch, owner.commit_no, &cells, &[])
            .await
            .unwrap_err();
        assert!(matches!(refused, CommitError::Failed { .. }), "{refused}");
    }
}

#[tokio::test]
async fn a_batch_larger_than_a_statement_is_written_whole() {
    for site in Site::all() {
        let store = site.open().await;
        let owner = store.take(PARTITION).await.unwrap();
        let name = |number: u64| format!("agent-{number:05}");
        let agents =
            (0..1_000).map(|number| Record::Agent(sample::full_agent(&name(number)).into()));
        let one = commit(&store, &owner, owner.commit_no, agents.collect())
            .await
            .unwrap();
        let confirmed =
            (0..1_000).map(|number| Record::AgentConfirmed(name(number).into(), number));
        commit(&store, &owner, one, confirmed.collect())
            .await
            .unwrap();
        let expected: Vec<_> = (0..1_000)
            .map(|number| AgentRow {
                confirmed: number,
                ..sample::full_agent(&name(number))
            })
            .collect();
        assert_eq!(store.load(&cell()).await.unwrap().agents, expected);
    }
}

#[tokio::test]
async fn marks_are_committed_with_the_inputs_and_never_fall() {
    for site in Site::all() {
        let store = site.open().await;
        let owner = store.take(PARTITION).await.unwrap();
        let mark = |sender: &str, seq| InputMark {
            sender: sender.to_owned(),
            seq,
        };
        let marks = [mark("gateway-b/1", 4), mark("gateway-a/1", 9)];
        let one = store
            .commit(PARTITION, owner.epoch, owner.commit_no, &[], &marks)
            .await
            .unwrap();
        let marks = [mark("gateway-b/1", 7), mark("gateway-a/1", 2)];
        store
            .commit(PARTITION, owner.epoch, one, &[], &marks)
            .await
            .unwrap();
        let stored = store.input_marks(PARTITION).await.unwrap();
        assert_eq!(stored, [mark("gateway-a/1", 9), mark("gateway-b/1", 7)]);
    }
}
