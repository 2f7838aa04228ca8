//! Values that a database does not take (rule R11).

use insula_store::{CellRecords, CommitError};
use insula_types::record::{Record, RoleRow};
use insula_types::{AgentId, CellId};

use crate::sample;
use crate::site::{PARTITION, Site, cell, commit, take};

async fn assert_refused_whole(site: &Site, bad: Record) -> CommitError {
    let store = site.open().await;
    let owner = take(&store).await;
    let records = vec![Record::Role(sample::role("a")), bad];
    let refused = commit(&store, &owner, owner.commit_no, records)
        .await
        .unwrap_err();
    assert!(matches!(refused, CommitError::Failed { .. }), "{refused}");
    assert!(refused.is_data_error(), "{refused:?}");
    assert_eq!(store.load(&cell()).await.unwrap().roles, []);
    // The head has not moved either.
    commit(&store, &owner, owner.commit_no, vec![])
        .await
        .unwrap();
    refused
}

#[tokio::test]
async fn all_of_a_commit_fails_with_any_part_of_it() {
    for site in Site::all() {
        let nobody = Record::AgentConfirmed(AgentId::from("nobody"), 1);
        assert_refused_whole(&site, nobody).await;
    }
    for site in Site::all() {
        let heavy = Record::Role(RoleRow {
            weight: u64::MAX,
            ..sample::role("b")
        });
        assert_refused_whole(&site, heavy).await;
    }
}

#[tokio::test]
async fn a_nul_in_a_text_is_refused_by_the_name_of_its_column() {
    let Some(site) = Site::postgres() else { return };
    let mut task = sample::plain_task(sample::framework_key("a", "one"), "t", 1);
    task.status.message = "out of memory\0".to_owned();
    let refused = assert_refused_whole(&site, Record::Task(Box::new(task))).await;
    let cause = std::error::Error::source(&refused).unwrap().to_string();
    assert_eq!(
        cause,
        "column message of table task cannot hold a text with a NUL character"
    );
}

#[tokio::test]
async fn what_the_server_itself_refuses_is_known_as_well() {
    let Some(site) = Site::postgres() else { return };
    // Longer than an entry of an index, also when it is compressed.
    let path: String = (0..1_000).map(|_| sample::noise()).collect();
    assert_refused_whole(&site, Record::Role(sample::role(&path))).await;
}

#[tokio::test]
async fn where_one_cell_is_at_fault_the_others_follow_the_same_number() {
    for site in Site::all() {
        let store = site.open().await;
        let other = CellId::from("other");
        let row = store.load(&cell()).await.unwrap().cell;
        store.create_cell(&other, PARTITION, &row).await.unwrap();
        let owner = take(&store).await;
        let good = CellRecords {
            cell: other.clone(),
            records: vec![Record::Role(sample::role("a"))],
        };
        let bad = CellRecords {
            cell: cell(),
            records: vec![Record::AgentConfirmed(AgentId::from("nobody"), 1)],
        };
        let commit = async |cells: &[CellRecords]| {
            store
                .commit(PARTITION, owner.epoch, owner.commit_no, cells, &[])
                .await
        };
        let refused = commit(&[bad, good.clone()]).await.unwrap_err();
        assert!(refused.is_data_error(), "{refused:?}");
        assert_eq!(commit(&[good]).await.unwrap(), owner.commit_no.next());
        let rows = store.load(&other).await.unwrap();
        assert_eq!(rows.roles, [sample::role("a")]);
        assert_eq!(store.load(&cell()).await.unwrap().roles, []);
    }
}
