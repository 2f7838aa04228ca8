//! Batches into tables: one statement writes many rows.

use sqlx::{AssertSqlSafe, SqliteConnection};

use super::read::bind;
use crate::Error;
use crate::error::failed_to;
use crate::rows::{Batch, Statement, Table};

/// Most rows of one statement. With the widest table this stays far below SQLite's limit of 32,766
/// parameters, and larger statements were not measurably faster.
const ROWS_MAX: usize = 64;

/// Inserts the rows, or brings those that are there up to date.
pub(super) async fn upsert(
    connection: &mut SqliteConnection,
    table: &Table,
    batch: &Batch<'_>,
) -> Result<(), Error> {
    insert(connection, table, &table.or_update(), batch).await
}

/// Inserts the rows; `tail` says what becomes of those that are there.
pub(super) async fn insert(
    connection: &mut SqliteConnection,
    table: &Table,
    tail: &str,
    batch: &Batch<'_>,
) -> Result<(), Error> {
    if batch.is_empty() {
        return Ok(());
    }
    let head = format!("{} VALUES", table.insert());
    let statement = Statement { head: &head, tail };
    execute(connection, statement, batch).await?;
    Ok(())
}

/// Executes the statement for all rows and says how many rows of the table it changed.
///
/// It goes in chunks whose sizes are powers of two, so that seven prepared statements serve every
/// batch size; with arbitrary sizes nearly every batch would be parsed anew.
pub(super) async fn execute(
    connection: &mut SqliteConnection,
    statement: Statement<'_>,
    batch: &Batch<'_>,
) -> Result<u64, Error> {
    let mut changed = 0;
    let mut rest = batch.values()?;
    while !rest.is_empty() {
        let rows = chunk_len(rest.len() / batch.width());
        let (chunk, tail) = rest.split_at(rows * batch.width());
        let sql = sql(statement, rows, batch.width());
        let done = chunk
            .iter()
            .fold(sqlx::query(AssertSqlSafe(sql)), bind)
            .execute(&mut *connection)
            .await
            .map_err(failed_to("write rows"))?;
        changed += done.rows_affected();
        rest = tail;
    }
    Ok(changed)
}

fn sql(statement: Statement<'_>, rows: usize, width: usize) -> String {
    let row = format!("({})", vec!["?"; width].join(","));
    let rows = vec![row.as_str(); rows].join(",");
    format!("{} {rows} {}", statement.head, statement.tail)
}

/// The largest power of two that is neither above the rows left nor above [`ROWS_MAX`].
fn chunk_len(left: usize) -> usize {
    1 << left.min(ROWS_MAX).ilog2()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_number_of_rows_splits_into_powers_of_two() {
        let mut left = 199;
        let mut chunks = Vec::new();
        while left > 0 {
            chunks.push(chunk_len(left));
            left -= chunk_len(left);
        }
        assert_eq!(chunks, [64, 64, 64, 4, 2, 1]);
    }

    #[test]
    fn a_statement_has_a_parameter_for_each_value() {
        let statement = Statement {
            head: "INSERT INTO t VALUES",
            tail: "RETURNING a",
        };
        assert_eq!(
            sql(statement, 2, 2),
            "INSERT INTO t VALUES (?,?),(?,?) RETURNING a"
        );
    }
}
