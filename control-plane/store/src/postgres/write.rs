//! Batches into tables: one statement writes many rows, each column of them as an array.

use sqlx::postgres::PgArguments;
use sqlx::query::Query;
use sqlx::{AssertSqlSafe, PgConnection, Postgres};

use crate::Error;
use crate::error::failed_to;
use crate::rows::{Batch, Statement, Table, Value};

/// Most rows of one statement. More were not faster, and a statement holds all its arrays in memory,
/// in this process and in the server.
const ROWS_MAX: usize = 4_096;

/// Text and bytes after which a statement takes no more rows. A message of Postgres ends at 1 GiB,
/// far above this and any one row.
const BYTES_MAX: usize = 16 << 20;

/// Inserts the rows, or brings those that are there up to date.
pub(super) async fn upsert(
    connection: &mut PgConnection,
    table: &Table,
    batch: &Batch<'_>,
) -> Result<(), Error> {
    insert(connection, table, &table.or_update(), batch).await
}

/// Inserts the rows; `tail` says what becomes of those that are there.
pub(super) async fn insert(
    connection: &mut PgConnection,
    table: &Table,
    tail: &str,
    batch: &Batch<'_>,
) -> Result<(), Error> {
    if batch.is_empty() {
        return Ok(());
    }
    let head = format!("{} SELECT * FROM", table.insert());
    let statement = Statement { head: &head, tail };
    execute(connection, statement, batch).await?;
    Ok(())
}

/// Executes the statement, in which the rows are a table `given` with the columns of the batch, and
/// says how many rows it changed.
pub(super) async fn execute(
    connection: &mut PgConnection,
    statement: Statement<'_>,
    batch: &Batch<'_>,
) -> Result<u64, Error> {
    let mut changed = 0;
    let mut rest = batch.values()?;
    while !rest.is_empty() {
        let (chunk, tail) = rest.split_at(chunk_len(rest, batch.width()));
        let sql = sql(statement, &batch.columns, chunk);
        let mut query = sqlx::query(AssertSqlSafe(sql));
        for column in 0..batch.width() {
            query = bind_column(query, batch, chunk, column)?;
        }
        let done = query
            .execute(&mut *connection)
            .await
            .map_err(failed_to("write rows"))?;
        changed += done.rows_affected();
        rest = tail;
    }
    Ok(changed)
}

/// How many of the values go into the next statement: whole rows, at least one.
fn chunk_len(values: &[Value<'_>], width: usize) -> usize {
    let mut bytes = 0;
    let rows = values
        .chunks(width)
        .take(ROWS_MAX)
        .take_while(|row| {
            let room = bytes < BYTES_MAX;
            bytes += row.iter().map(size).sum::<usize>();
            room
        })
        .count();
    rows * width
}

fn size(value: &Value<'_>) -> usize {
    match value {
        Value::Text(text) => text.as_ref().map_or(0, |text| text.len()),
        Value::Bytes(bytes) => bytes.as_ref().map_or(0, |bytes| bytes.len()),
        Value::Number(_) | Value::Flag(_) => 0,
    }
}

/// The types of the columns are those of the values of the first row.
fn sql(statement: Statement<'_>, columns: &[&str], values: &[Value<'_>]) -> String {
    let arrays: Vec<_> = (1..)
        .zip(columns.iter().zip(values))
        .map(|(place, (_, value))| format!("${place}::{}[]", type_name(value)))
        .collect();
    let (arrays, columns) = (arrays.join(", "), columns.join(", "));
    let Statement { head, tail } = statement;
    format!("{head} UNNEST({arrays}) AS given ({columns}) {tail}")
}

fn type_name(value: &Value<'_>) -> &'static str {
    match value {
        Value::Text(_) => "text",
        Value::Bytes(_) => "bytea",
        Value::Number(_) => "bigint",
        Value::Flag(_) => "boolean",
    }
}

type Bound = Query<'static, Postgres, PgArguments>;

fn bind_column(
    query: Bound,
    batch: &Batch<'_>,
    values: &[Value<'_>],
    column: usize,
) -> Result<Bound, Error> {
    let of_column = || values.iter().skip(column).step_by(batch.width());
    let query = match values[column] {
        Value::Text(_) => {
            let texts: Vec<_> = of_column().map(as_text).collect();
            if texts.iter().flatten().any(|text| text.contains('\0')) {
                return Err(Error::Nul {
                    table: batch.table,
                    column: batch.columns[column],
                });
            }
            query.bind(texts)
        }
        Value::Bytes(_) => query.bind(of_column().map(as_bytes).collect::<Vec<_>>()),
        Value::Number(_) => query.bind(of_column().map(as_number).collect::<Vec<_>>()),
        Value::Flag(_) => query.bind(of_column().map(as_flag).collect::<Vec<_>>()),
    };
    Ok(query)
}

fn as_text<'v>(value: &'v Value<'_>) -> Option<&'v str> {
    match value {
        Value::Text(text) => text.as_deref(),
        _ => None,
    }
}

fn as_bytes<'v>(value: &'v Value<'_>) -> Option<&'v [u8]> {
    match value {
        Value::Bytes(bytes) => bytes.as_deref(),
        _ => None,
    }
}

fn as_number(value: &Value<'_>) -> Option<i64> {
    match value {
        Value::Number(number) => *number,
        _ => None,
    }
}

fn as_flag(value: &Value<'_>) -> Option<bool> {
    match value {
        Value::Flag(flag) => Some(*flag),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(length: usize) -> Value<'static> {
        Value::Text(Some("x".repeat(length).into()))
    }

    #[test]
    fn a_statement_unnests_an_array_per_column() {
        let statement = Statement {
            head: "INSERT INTO t (a, b) SELECT * FROM",
            tail: "ON CONFLICT DO NOTHING",
        };
        let row = [text(1), Value::Bytes(None)];
        assert_eq!(
            sql(statement, &["a", "b"], &row),
            "INSERT INTO t (a, b) SELECT * FROM \
             UNNEST($1::text[], $2::bytea[]) AS given (a, b) ON CONFLICT DO NOTHING"
        );
    }

    #[test]
    fn a_statement_takes_rows_until_it_is_full_and_at_least_one() {
        let small: Vec<_> = (0..10_000).map(|_| text(1)).collect();
        assert_eq!(chunk_len(&small, 2), ROWS_MAX * 2);
        let large: Vec<_> = (0..3).map(|_| text(BYTES_MAX)).collect();
        assert_eq!(chunk_len(&large, 1), 1);
        assert_eq!(chunk_len(&small[..6], 2), 6);
    }
}
