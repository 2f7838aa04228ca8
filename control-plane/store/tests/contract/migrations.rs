//! A database comes to the shape of this build from wherever it is.

use std::path::Path;

use insula_store::TaskFilter;
use insula_types::PartitionId;
use insula_types::task::AgentTimes;
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

/// What a build wrote that knew nothing of acknowledgements and of its agents' clocks.
#[tokio::test]
async fn tasks_of_before_their_times_were_recorded_are_read_without_them() {
    let Some(site) = Site::postgres() else { return };
    let Site::Postgres(database) = &site else {
        return;
    };
    let mut connection = database.connect().await;
    steps().await.run_to(2, &mut connection).await.unwrap();
    let task = |table: &str, number: u64, archived: bool| {
        format!(
            "INSERT INTO {table} (cell, launch_epoch, launch_number, tenant, framework, task, name,
                 kind, run_as, agent, role, resources, state, terminal, source, message,
                 status_at_us, data, extra, launch_seq, archived, attempt, accepted_at_us,
                 started_at_us, ended_at_us, traceparent, tracestate, format_version)
             VALUES ('full', 1, {number}, 'a', 'one', 't', '', 'native', '', 'agent', '*',
                 'cpus:1', 'TASK_FINISHED', true, 'SOURCE_EXECUTOR', '', 9, '', '', 1, {archived},
                 0, 9, 11, 12, '', '', 1);"
        )
    };
    let cell = "INSERT INTO cell (cell, partition, seed, time_us, format_version)
                VALUES ('full', 3, 1, 2, 1);";
    let (live, archived) = (task("task", 1, false), task("task_history", 2, true));
    site.tamper(&format!("{cell}{live}{archived}")).await;
    let store = site.open_bare().await.unwrap();
    let page = store
        .tasks(&"full".into(), &TaskFilter::default(), None, 10)
        .await
        .unwrap();
    assert_eq!(page.rows.len(), 2);
    for row in page.rows {
        assert_eq!(row.times.ended.map(|time| time.0), Some(12));
        assert_eq!(row.times.acknowledged, None);
        assert_eq!(row.times.on_agent, AgentTimes::default());
    }
}
