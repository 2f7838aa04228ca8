//! Running the queries that both databases understand.

use std::io;
use std::time::Duration;

use futures::TryStreamExt;
use sqlx::postgres::{PgArguments, PgRow};
use sqlx::{AssertSqlSafe, PgExecutor, Postgres};

use crate::Error;
use crate::error::failed_to;
use crate::rows::{Query, Value};

/// How long the database may say nothing before whoever waits for it hears that it does not answer: a
/// road may swallow what is sent along it, and TCP alone takes a quarter of an hour to find that out
/// (rule R16).
const SILENCE_MAX: Duration = Duration::from_secs(30);

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
    let done = in_time(operation, bound(query).execute(executor)).await?;
    Ok(done.rows_affected())
}

pub(crate) async fn fetch_all(
    executor: impl PgExecutor<'_>,
    query: Query<'_>,
    operation: &'static str,
) -> Result<Vec<PgRow>, Error> {
    let mut rows = bound(query).fetch(executor);
    let mut all = Vec::new();
    // A cell may take long to load; what counts is that rows come.
    while let Some(row) = in_time(operation, rows.try_next()).await? {
        all.push(row);
    }
    Ok(all)
}

pub(crate) async fn fetch_optional(
    executor: impl PgExecutor<'_>,
    query: Query<'_>,
    operation: &'static str,
) -> Result<Option<PgRow>, Error> {
    in_time(operation, bound(query).fetch_optional(executor)).await
}

/// Waits for an answer of the database, but not for ever.
pub(super) async fn in_time<T>(
    operation: &'static str,
    answer: impl Future<Output = Result<T, sqlx::Error>>,
) -> Result<T, Error> {
    let answer = tokio::time::timeout(SILENCE_MAX, answer).await;
    let answer = answer.unwrap_or_else(|_| {
        let sentence = format!("no answer within {} s", SILENCE_MAX.as_secs());
        Err(io::Error::new(io::ErrorKind::TimedOut, sentence).into())
    });
    answer.map_err(failed_to(operation))
}
