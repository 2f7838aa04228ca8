//! Commits are numbered, whole, and marked.

use insula_store::{CellRecords, CommitError, CommitNo, Error, InputMark};
use insula_types::record::{AgentRow, Record};
use insula_types::{CellId, Epoch};

use crate::sample;
use crate::site::{PARTITION, Site, cell, commit, take};

#[tokio::test]
async fn commits_are_numbered_one_after_the_other_across_owners() {
    for site in Site::all() {
        let store = site.open().await;
        assert_eq!(store.head(PARTITION).await.unwrap(), None);
        let first = take(&store).await;
        assert_eq!(first.commit_no, CommitNo(0));
        let one = commit(&store, &first, CommitNo(0), vec![]).await.unwrap();
        let two = commit(&store, &first, one, vec![]).await.unwrap();
        assert_eq!(two, CommitNo(2));
        let second = take(&store).await;
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
            let owner = take(&store).await;
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
        let owner = take(&store).await;
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
async fn records_of_a_cell_that_does_not_exist_are_refused() {
    for site in Site::all() {
        let store = site.open().await;
        let unknown = CellId::from("elsewhere");
        let refused = store.load(&unknown).await;
        assert!(matches!(refused, Err(Error::CellUnknown(_))), "{refused:?}");
        let owner = take(&store).await;
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
        let owner = take(&store).await;
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
        let owner = take(&store).await;
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

#[tokio::test]
async fn one_commit_changes_many_cells_each_as_it_says() {
    for site in Site::all() {
        let store = site.open().await;
        let row = store.load(&cell()).await.unwrap().cell;
        let names = ["one", "two", "three"].map(CellId::from);
        for name in &names {
            store.create_cell(name, PARTITION, &row).await.unwrap();
        }
        let owner = take(&store).await;
        let task = |name: &CellId| {
            let key = sample::framework_key(name.as_str(), "same");
            sample::plain_task(key, "same", 1)
        };
        let cells = names.clone().map(|name| CellRecords {
            records: vec![
                Record::Cell(row.clone()),
                Record::Agent(sample::plain_agent("agent").into()),
                Record::Task(task(&name).into()),
                Record::Payload(sample::launch(1), name.to_string().into()),
            ],
            cell: name,
        });
        store
            .commit(PARTITION, owner.epoch, owner.commit_no, &cells, &[])
            .await
            .unwrap();
        for name in &names {
            let rows = store.load(name).await.unwrap();
            assert_eq!(rows.tasks, [task(name)]);
            let payload = (sample::launch(1), name.to_string().into());
            assert_eq!(rows.payloads, [payload]);
        }
    }
}
