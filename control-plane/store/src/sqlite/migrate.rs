//! The tables and how they came to their shape.

use sqlx::SqliteConnection;

use crate::Error;
use crate::steps::{Step, newest, run_to};

const STEPS: &[Step] = &[
    (
        1,
        "create scheduling",
        include_str!("../../migrations/sqlite/0001_create_scheduling.sql"),
    ),
    (
        2,
        "create service",
        include_str!("../../migrations/sqlite/0002_create_service.sql"),
    ),
    (
        3,
        "add task times",
        include_str!("../../migrations/sqlite/0003_add_task_times.sql"),
    ),
];

/// Brings the tables to the shape of this build.
///
/// # Errors
/// [`Error::NewerFormat`] if a newer build has been here; [`Error::Migrate`] if a step fails, which
/// leaves the tables as they were before that step.
pub(super) async fn migrate(connection: &mut SqliteConnection) -> Result<(), Error> {
    run_to(newest(STEPS), STEPS, connection).await
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use sqlx::{Connection, Row};

    use super::*;

    async fn empty() -> SqliteConnection {
        SqliteConnection::connect("sqlite::memory:").await.unwrap()
    }

    async fn tables(connection: &mut SqliteConnection) -> Vec<String> {
        let sql = "SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name";
        let rows = sqlx::query(sql).fetch_all(connection).await.unwrap();
        rows.iter().map(|row| row.get("name")).collect()
    }

    #[tokio::test]
    async fn an_empty_database_gets_every_table_once() {
        let mut connection = empty().await;
        migrate(&mut connection).await.unwrap();
        let once = tables(&mut connection).await;
        for table in [
            "partition_head",
            "task",
            "task_payload",
            "agent_identity",
            "module",
        ] {
            assert!(once.iter().any(|name| name == table), "{table} is missing");
        }
        migrate(&mut connection).await.unwrap();
        assert_eq!(tables(&mut connection).await, once);
    }

    #[tokio::test]
    async fn each_step_keeps_what_the_steps_before_it_hold() {
        let mut connection = empty().await;
        for version in 1..=newest(STEPS) {
            run_to(version, STEPS, &mut connection).await.unwrap();
            let sql = "INSERT INTO cell (cell, partition, seed, time_us, format_version)
                       VALUES (?, 0, 1, 2, 1)";
            let cell = format!("made-at-step-{version}");
            sqlx::query(sql)
                .bind(cell)
                .execute(&mut connection)
                .await
                .unwrap();
        }
        let sql = "SELECT count(*) AS cells FROM cell";
        let row = sqlx::query(sql).fetch_one(&mut connection).await.unwrap();
        assert_eq!(row.get::<i64, _>("cells"), newest(STEPS));
    }

    #[tokio::test]
    async fn a_task_of_before_its_times_were_recorded_has_none_of_them() {
        let mut connection = empty().await;
        run_to(2, STEPS, &mut connection).await.unwrap();
        let sql =
            "INSERT INTO task (cell, launch_epoch, launch_number, tenant, framework, task, name,
                       kind, run_as, agent, role, resources, state, terminal, source, message,
                       status_at_us, data, extra, launch_seq, archived, attempt, accepted_at_us,
                       ended_at_us, traceparent, tracestate, format_version)
                   VALUES ('full', 1, 1, 'a', 'one', 't', '', 'native', '', 'agent', '*',
                       'cpus:1', 'TASK_FINISHED', 1, 'SOURCE_EXECUTOR', '', 9, x'', x'', 1, 1, 0,
                       9, 12, '', '', 1)";
        sqlx::query(sql).execute(&mut connection).await.unwrap();
        migrate(&mut connection).await.unwrap();
        let sql = "SELECT * FROM task";
        let row = sqlx::query(sql).fetch_one(&mut connection).await.unwrap();
        assert_eq!(row.get::<i64, _>("ended_at_us"), 12);
        for column in [
            "acknowledged_at_us",
            "agent_received_at_us",
            "agent_started_at_us",
            "agent_ended_at_us",
        ] {
            assert_eq!(row.get::<Option<i64>, _>(column), None, "{column}");
        }
    }

    #[tokio::test]
    async fn a_step_that_this_build_does_not_know_is_refused() {
        let mut connection = empty().await;
        migrate(&mut connection).await.unwrap();
        let sql = "INSERT INTO _sqlx_migrations
                       (version, description, success, checksum, execution_time)
                   VALUES (9999, 'from the future', 1, x'00', 0)";
        sqlx::query(sql).execute(&mut connection).await.unwrap();
        let refused = migrate(&mut connection).await.unwrap_err();
        assert!(
            matches!(refused, Error::NewerFormat { found: 9999, .. }),
            "{refused}"
        );
        assert!(
            refused.to_string().contains("start the newer version"),
            "{refused}"
        );
    }
}
