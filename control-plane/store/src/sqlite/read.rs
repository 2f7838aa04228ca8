//! Running the queries that both databases understand.

use sqlx::sqlite::{SqliteArguments, SqliteRow};
use sqlx::{AssertSqlSafe, Sqlite, SqliteExecutor};

use crate::Error;
use crate::error::failed_to;
use crate::rows::{Query, Value};

type Bound = sqlx::query::Query<'static, Sqlite, SqliteArguments>;

/// Binds the next value.
pub(super) fn bind(query: Bound, value: &Value<'_>) -> Bound {
    match value {
        Value::Text(text) => query.bind(text.as_deref()),
        Value::Bytes(bytes) => query.bind(bytes.as_deref()),
        Value::Number(number) => query.bind(*number),
        Value::Flag(flag) => query.bind(*flag),
    }
}

fn bound(query: Query<'_>) -> Bound {
    let values = query.values;
    let query = sqlx::query(AssertSqlSafe(query.sql));
    values.iter().fold(query, bind)
}

pub(crate) async fn execute(
    executor: impl SqliteExecutor<'_>,
    query: Query<'_>,
    operation: &'static str,
) -> Result<u64, Error> {
    let done = bound(query).execute(executor).await;
    Ok(done.map_err(failed_to(operation))?.rows_affected())
}

pub(crate) async fn fetch_all(
    executor: impl SqliteExecutor<'_>,
    query: Query<'_>,
    operation: &'static str,
) -> Result<Vec<SqliteRow>, Error> {
    let rows = bound(query).fetch_all(executor).await;
    rows.map_err(failed_to(operation))
}

pub(crate) async fn fetch_optional(
    executor: impl SqliteExecutor<'_>,
    query: Query<'_>,
    operation: &'static str,
) -> Result<Option<SqliteRow>, Error> {
    let row = bound(query).fetch_optional(executor).await;
    row.map_err(failed_to(operation))
}
