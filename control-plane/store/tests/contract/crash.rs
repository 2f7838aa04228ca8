//! A crash is a drop without a close: nothing that was acknowledged is lost.

use insula_types::record::Record;

use crate::model::Model;
use crate::sample;
use crate::site::{Site, cell, commit, fill, take};

#[tokio::test]
async fn everything_acknowledged_is_there_after_a_crash() {
    for site in Site::durable() {
        let mut model = Model::new();
        for round in 0..5_u64 {
            let store = site.open().await;
            let owner = take(&store).await;
            assert_eq!(store.load(&cell()).await.unwrap(), model.rows());
            let mut commit_no = owner.commit_no;
            for number in 0..10 {
                let key = sample::framework_key("a", "one");
                let record =
                    Record::Task(Box::new(sample::full_task(key, "t", round * 10 + number)));
                model.apply(&record);
                commit_no = commit(&store, &owner, commit_no, vec![record])
                    .await
                    .unwrap();
            }
            drop(store);
        }
    }
}

#[tokio::test]
async fn a_closed_store_opens_again() {
    for site in Site::durable() {
        let store = site.open().await;
        fill(&store, vec![Record::Role(sample::role("a"))]).await;
        store.close().await;
        let store = site.open().await;
        assert_eq!(
            store.load(&cell()).await.unwrap().roles,
            [sample::role("a")]
        );
    }
}
