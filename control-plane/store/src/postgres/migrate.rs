//! The tables and how they came to their shape.

use sqlx::PgConnection;

use crate::Error;
use crate::steps::{Step, newest, run_to};

const STEPS: &[Step] = &[
    (
        1,
        "create scheduling",
        include_str!("../../migrations/postgres/0001_create_scheduling.sql"),
    ),
    (
        2,
        "create service",
        include_str!("../../migrations/postgres/0002_create_service.sql"),
    ),
    (
        3,
        "add task times",
        include_str!("../../migrations/postgres/0003_add_task_times.sql"),
    ),
];

/// Brings the tables to the shape of this build. Replicas that start at once take turns.
///
/// # Errors
/// [`Error::NewerFormat`] if a newer build has been here; [`Error::Migrate`] if a step fails, which
/// leaves the tables as they were before that step.
pub(super) async fn migrate(connection: &mut PgConnection) -> Result<(), Error> {
    run_to(newest(STEPS), STEPS, connection).await
}
