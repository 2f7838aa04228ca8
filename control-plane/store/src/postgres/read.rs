//! Running the queries that both databases understand.

use sqlx::postgres::{PgArguments, PgRow};
use sqlx::{AssertSqlSafe, PgExecutor, Postgres};

use crate::Error;
use crate::error::failed_to;
use crate::rows::{Query, Value};

type Bound = sqlx::query::Query<'static, Postgres, PgArguments>;

fn bind(query: Bound, value: &Value<'_>) -> Bound {
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
    executor: impl PgExecutor<'_>,
    query: Query<'_>,
    operation: &'static str,
) -> Result<u64, Error> {
    let done = bound(query).execute(executor).await;
    Ok(done.map_err(failed_to(operation))?.rows_affected())
}

pub(crate) async fn fetch_all(
    executor: impl PgExecutor<'_>,
    query: Query<'_>,
    operation: &'static str,
) -> Result<Vec<PgRow>, Error> {
    let rows = bound(query).fetch_all(executor).await;
    rows.map_err(failed_to(operation))
}

pub(crate) async fn fetch_optional(
    executor: impl PgExecutor<'_>,
    query: Query<'_>,
    operation: &'static str,
) -> Result<Option<PgRow>, Error> {
    let row = bound(query).fetch_optional(executor).await;
    row.map_err(failed_to(operation))
}
