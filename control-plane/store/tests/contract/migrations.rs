//! A database comes to the shape of this build from wherever it is.

use std::path::Path;

use insula_types::PartitionId;
use sqlx::Row;
use sqlx::migrate::Migrator;

use crate::server::Database;
use crate::site::{Site, take};

async fn steps() -> Migrator {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/migrations/postgres");
    Migrator::new(Path::new(folder)).await.unwrap()
}

async fn tables(database: &Database) -> Vec<String> {
    let sql = "SELECT table_name::text FROM information_schema.tables
               WHERE table_schema = 'public' ORDER BY table_name";
    let mut connection = database.connect().await;
    let rows = sqlx::query(sql).fetch_all(&mut connection).await.unwrap();
    rows.iter().map(|row| row.get(0)).collect()
}

#[tokio::test]
async fn an_empty_database_gets_every_table_once_also_when_replicas_start_together() {
    let Some(site) = Site::postgres() else { return };
    let Site::Postgres(database) = &site else {
        return;
    };
    let (one, two, three) = tokio::join!(site.open_bare(), site.open_bare(), site.open_bare());
    for store in [one, two, three] {
        take(&store.unwrap()).await;
    }
    let once = tables(database).await;
    for table in ["partition_head", "task", "task_history", "module"] {
        assert!(once.iter().any(|name| name == table), "{table} is missing");
    }
    site.open_bare().await.unwrap();
    assert_eq!(tables(database).await, once);
}

#[tokio::test]
async fn each_step_keeps_what_the_steps_before_it_hold() {
    let steps = steps().await;
    for step in steps.iter() {
        let Some(site) = Site::postgres() else { return };
        let Site::Postgres(database) = &site else {
            return;
        };
        let mut connection = database.connect().await;
        steps.run_to(step.version, &mut connection).await.unwrap();
        site.tamper(
            "INSERT INTO cell (cell, partition, seed, time_us, format_version)
             VALUES ('made before', 3, 1, 2, 1);
             INSERT INTO partition_head (partition, epoch, commit_no, format_version)
             VALUES (3, 7, 8, 1)",
        )
        .await;
        let store = site.open_bare().await.unwrap();
        let partition = PartitionId(3);
        assert_eq!(
            store.cells(partition).await.unwrap(),
            ["made before".into()]
        );
        let head = store.head(partition).await.unwrap().unwrap();
        assert_eq!((head.epoch.0, head.commit_no.0), (7, 8));
    }
}
