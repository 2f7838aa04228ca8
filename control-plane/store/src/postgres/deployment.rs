//! What was decided when the database was made.

use insula_types::FORMAT_VERSION;
use sqlx::PgConnection;

use crate::Error;
use crate::error::failed_to;
use crate::membership::PARTITIONS_DEFAULT;
use crate::rows::Columns;

/// How many partitions there are. The first who asks decides, by what is wished or the default;
/// replicas that ask at once all get the same answer.
///
/// # Errors
/// [`Error::PartitionsFixed`] if there are as many as somebody else wished; else if the database
/// does not answer.
pub(super) async fn fix_partitions(
    connection: &mut PgConnection,
    wished: Option<u16>,
) -> Result<u16, Error> {
    let sql = "INSERT INTO deployment (one, partitions, format_version) VALUES (1, $1, $2)
               ON CONFLICT (one) DO NOTHING";
    sqlx::query(sql)
        .bind(i64::from(wished.unwrap_or(PARTITIONS_DEFAULT)))
        .bind(i64::from(FORMAT_VERSION))
        .execute(&mut *connection)
        .await
        .map_err(failed_to("decide the number of partitions"))?;
    let row = sqlx::query("SELECT partitions, format_version FROM deployment")
        .fetch_one(connection)
        .await
        .map_err(failed_to("read the number of partitions"))?;
    let found = Columns::of("deployment", &row)?.number("partitions")?;
    match wished {
        Some(wished) if wished != found => Err(Error::PartitionsFixed { found, wished }),
        _ => Ok(found),
    }
}
