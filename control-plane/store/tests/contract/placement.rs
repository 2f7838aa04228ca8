//! Which partition a cell belongs to.

use insula_store::{Error, partition_of};
use insula_types::PartitionId;

use crate::server::Database;
use crate::site::{PARTITION, Site, cell, open};

#[tokio::test]
async fn a_cell_goes_where_it_was_told_or_where_its_hash_says_and_stays_there() {
    let Some(database) = Database::create() else {
        return;
    };
    let store = open(&database).await;
    let hashed = store.add_cell(&"east".into(), None).await.unwrap();
    assert_eq!(hashed, partition_of(&"east".into(), store.partitions()));
    let told = PartitionId(63);
    assert_eq!(
        store.add_cell(&"west".into(), Some(told)).await.unwrap(),
        told
    );
    let again = store.add_cell(&"west".into(), Some(PartitionId(3))).await;
    assert_eq!(again.unwrap(), told, "it is there already");
    assert_eq!(
        store.all_cells().await.unwrap(),
        [("east".into(), hashed), ("west".into(), told)]
    );
    assert_eq!(store.cells(told).await.unwrap(), ["west".into()]);
    let refused = store.add_cell(&"far".into(), Some(PartitionId(64))).await;
    assert!(
        matches!(refused, Err(Error::PartitionUnknown { partitions: 64, .. })),
        "{refused:?}"
    );
    assert_eq!(store.all_cells().await.unwrap().len(), 2);
}

#[tokio::test]
async fn two_new_cells_do_not_share_their_seed() {
    for site in Site::all() {
        let store = site.open().await;
        store
            .add_cell(&"one".into(), Some(PARTITION))
            .await
            .unwrap();
        store
            .add_cell(&"two".into(), Some(PARTITION))
            .await
            .unwrap();
        let one = store.load(&"one".into()).await.unwrap().cell.seed;
        let two = store.load(&"two".into()).await.unwrap().cell.seed;
        assert_ne!(one, two);
        let kept = store.load(&cell()).await.unwrap().cell.seed;
        store.add_cell(&cell(), None).await.unwrap();
        assert_eq!(store.load(&cell()).await.unwrap().cell.seed, kept);
    }
}
