//! Rows into columns: one statement writes many rows.

use insula_types::{Span, Time, UpdateUuid};
use serde::Serialize;
use sqlx::query::Query;
use sqlx::sqlite::SqliteArguments;
use sqlx::{AssertSqlSafe, Sqlite, SqliteConnection};

use crate::Error;
use crate::error::failed_to;

/// Most rows of one statement. With the widest table this stays far below SQLite's limit of 32,766
/// parameters, and larger statements were not measurably faster.
const ROWS_MAX: usize = 64;

/// A statement over any number of rows of values: `head`, the rows, `tail`.
///
/// It is executed in chunks whose sizes are powers of two, so that seven prepared statements serve
/// every batch size; with arbitrary sizes nearly every batch would be parsed anew.
pub(super) struct Statement {
    /// Where the rows go, for errors.
    pub(super) table: &'static str,
    /// What stands before the rows.
    pub(super) head: &'static str,
    /// How many values a row has.
    pub(super) columns: usize,
    /// What stands after the rows.
    pub(super) tail: &'static str,
}

impl Statement {
    /// Executes the statement for all rows and says how many rows of the table it changed.
    pub(super) async fn execute<R>(
        &self,
        connection: &mut SqliteConnection,
        rows: &[R],
        bind: impl Fn(Values, &R) -> Values,
    ) -> Result<u64, Error> {
        let mut changed = 0;
        let mut rest = rows;
        while !rest.is_empty() {
            let (chunk, tail) = rest.split_at(chunk_len(rest.len()));
            let query = sqlx::query(AssertSqlSafe(self.sql(chunk.len())));
            let mut values = Values {
                table: self.table,
                query,
                unfit: None,
            };
            for row in chunk {
                values = bind(values, row);
            }
            changed += values.execute(connection).await?;
            rest = tail;
        }
        Ok(changed)
    }

    fn sql(&self, rows: usize) -> String {
        let row = format!("({})", vec!["?"; self.columns].join(","));
        format!(
            "{} {} {}",
            self.head,
            vec![row.as_str(); rows].join(","),
            self.tail
        )
    }
}

/// A time in microseconds; [`Time::NEVER`] becomes the largest number there is, as does any time
/// after the year 294,000.
pub(super) fn micros(time: Time) -> i64 {
    i64::try_from(time.0).unwrap_or(i64::MAX)
}

/// The largest power of two that is neither above the rows left nor above [`ROWS_MAX`].
fn chunk_len(left: usize) -> usize {
    1 << left.min(ROWS_MAX).ilog2()
}

/// The values of one statement, in column order.
pub(super) struct Values {
    table: &'static str,
    query: Query<'static, Sqlite, SqliteArguments>,
    unfit: Option<u64>,
}

impl Values {
    pub(super) fn text(mut self, text: &str) -> Self {
        self.query = self.query.bind(text);
        self
    }

    pub(super) fn text_opt(mut self, text: Option<&str>) -> Self {
        self.query = self.query.bind(text);
        self
    }

    pub(super) fn bytes(mut self, bytes: &[u8]) -> Self {
        self.query = self.query.bind(bytes);
        self
    }

    pub(super) fn uuid_opt(mut self, uuid: Option<UpdateUuid>) -> Self {
        self.query = self.query.bind(uuid.map(|uuid| uuid.as_bytes().to_vec()));
        self
    }

    pub(super) fn flag(mut self, flag: bool) -> Self {
        self.query = self.query.bind(i64::from(flag));
        self
    }

    pub(super) fn signed_opt(mut self, number: Option<i32>) -> Self {
        self.query = self.query.bind(number);
        self
    }

    pub(super) fn number(self, number: u64) -> Self {
        self.number_opt(Some(number))
    }

    pub(super) fn number_opt(mut self, number: Option<u64>) -> Self {
        let signed = number.map(i64::try_from).transpose();
        if signed.is_err() {
            self.unfit = number;
        }
        self.query = self.query.bind(signed.unwrap_or_default());
        self
    }

    pub(super) fn time(self, time: Time) -> Self {
        self.time_opt(Some(time))
    }

    pub(super) fn time_opt(mut self, time: Option<Time>) -> Self {
        self.query = self.query.bind(time.map(micros));
        self
    }

    pub(super) fn span_opt(self, span: Option<Span>) -> Self {
        self.time_opt(span.map(|span| Time(span.0)))
    }

    /// A compound value; all that are stored are plain data, which always has a JSON form.
    pub(super) fn json(self, value: &impl Serialize) -> Self {
        let json =
            serde_json::to_string(value).expect("lists and maps of plain data have a JSON form");
        self.text(&json)
    }

    async fn execute(self, connection: &mut SqliteConnection) -> Result<u64, Error> {
        if let Some(number) = self.unfit {
            return Err(Error::TooLarge {
                table: self.table,
                number,
            });
        }
        let done = self
            .query
            .execute(connection)
            .await
            .map_err(failed_to("write rows"))?;
        Ok(done.rows_affected())
    }
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
            table: "t",
            head: "INSERT INTO t VALUES",
            columns: 2,
            tail: "RETURNING a",
        };
        assert_eq!(
            statement.sql(2),
            "INSERT INTO t VALUES (?,?),(?,?) RETURNING a"
        );
    }
}
