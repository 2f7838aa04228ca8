//! How tables come to their shape: forward only, each step in a transaction.

use sqlx::SqlSafeStr;
use sqlx::migrate::{Migrate, MigrateError, Migration, MigrationType, Migrator};

use crate::Error;

/// Its number, what it does, and the SQL that does it. A step that was released is never edited: the
/// database keeps its checksum and would refuse to open.
pub(crate) type Step = (i64, &'static str, &'static str);

/// The number of the last step.
pub(crate) fn newest(steps: &[Step]) -> i64 {
    steps
        .iter()
        .map(|(version, ..)| *version)
        .max()
        .unwrap_or(0)
}

/// Takes the steps up to that number which the database has not seen.
///
/// # Errors
/// [`Error::NewerFormat`] if a newer build has been here; [`Error::Migrate`] if a step fails, which
/// leaves the tables as they were before that step.
pub(crate) async fn run_to(
    version: i64,
    steps: &'static [Step],
    connection: &mut impl Migrate,
) -> Result<(), Error> {
    let migrations = steps.iter().map(|(version, description, sql)| {
        let description = (*description).into();
        let kind = MigrationType::Simple;
        Migration::new(*version, description, kind, sql.into_sql_str(), false)
    });
    Migrator::with_migrations(migrations.collect())
        .run_direct(Some(version), connection, false)
        .await
        .map_err(|error| match error {
            MigrateError::VersionMissing(found) => Error::NewerFormat {
                what: "the database".to_owned(),
                found,
                known: newest(steps),
            },
            error => Error::Migrate(error),
        })
}
