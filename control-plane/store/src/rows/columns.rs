//! Columns into rows; nothing that was read is believed before it was checked.

use std::str::FromStr;

use bytes::Bytes;
use insula_types::{Epoch, FORMAT_VERSION, LaunchId, Span, Time, TraceContext, UpdateUuid};
use serde::de::DeserializeOwned;
use sqlx::postgres::PgRow;
use sqlx::sqlite::SqliteRow;
use sqlx::{Decode, Postgres, Row, Sqlite, Type};

use crate::Error;

/// A row of either database.
#[derive(Clone, Copy)]
pub(crate) enum AnyRow<'r> {
    Sqlite(&'r SqliteRow),
    Postgres(&'r PgRow),
}

impl<'r> From<&'r SqliteRow> for AnyRow<'r> {
    fn from(row: &'r SqliteRow) -> Self {
        Self::Sqlite(row)
    }
}

impl<'r> From<&'r PgRow> for AnyRow<'r> {
    fn from(row: &'r PgRow) -> Self {
        Self::Postgres(row)
    }
}

/// One row as it was read.
pub(crate) struct Columns<'r> {
    table: &'static str,
    row: AnyRow<'r>,
}

impl<'r> Columns<'r> {
    /// Starts to read a row; refuses one that a newer build wrote.
    pub(crate) fn of(table: &'static str, row: impl Into<AnyRow<'r>>) -> Result<Self, Error> {
        let row = row.into();
        let columns = Self { table, row };
        let found = columns.get("format_version")?;
        let known = i64::from(FORMAT_VERSION);
        if found > known {
            let what = format!("a row of table {table}");
            return Err(Error::NewerFormat { what, found, known });
        }
        Ok(columns)
    }

    pub(crate) fn get<T>(&self, column: &'static str) -> Result<T, Error>
    where
        T: Decode<'r, Sqlite> + Type<Sqlite> + Decode<'r, Postgres> + Type<Postgres>,
    {
        let value = match self.row {
            AnyRow::Sqlite(row) => row.try_get(column),
            AnyRow::Postgres(row) => row.try_get(column),
        };
        value.map_err(|error| self.damaged(column, error))
    }

    pub(crate) fn text(&self, column: &'static str) -> Result<String, Error> {
        self.get(column)
    }

    /// An id, or anything else that is made from text as it is.
    pub(crate) fn id<T: for<'t> From<&'t str>>(&self, column: &'static str) -> Result<T, Error> {
        self.get::<&str>(column).map(T::from)
    }

    pub(crate) fn id_opt<T: for<'t> From<&'t str>>(
        &self,
        column: &'static str,
    ) -> Result<Option<T>, Error> {
        Ok(self.get::<Option<&str>>(column)?.map(T::from))
    }

    pub(crate) fn bytes(&self, column: &'static str) -> Result<Bytes, Error> {
        self.get::<&[u8]>(column).map(Bytes::copy_from_slice)
    }

    pub(crate) fn flag(&self, column: &'static str) -> Result<bool, Error> {
        self.get(column)
    }

    /// The 64 bits of a number that is compared with nothing.
    pub(crate) fn bits(&self, column: &'static str) -> Result<u64, Error> {
        self.get::<i64>(column).map(i64::cast_unsigned)
    }

    pub(crate) fn number<T: TryFrom<i64>>(&self, column: &'static str) -> Result<T, Error> {
        let number: i64 = self.get(column)?;
        self.fit(column, number)
    }

    pub(crate) fn number_opt<T: TryFrom<i64>>(
        &self,
        column: &'static str,
    ) -> Result<Option<T>, Error> {
        let number: Option<i64> = self.get(column)?;
        number.map(|number| self.fit(column, number)).transpose()
    }

    pub(crate) fn time(&self, column: &'static str) -> Result<Time, Error> {
        self.number(column).map(time)
    }

    pub(crate) fn time_opt(&self, column: &'static str) -> Result<Option<Time>, Error> {
        Ok(self.number_opt(column)?.map(time))
    }

    pub(crate) fn span(&self, column: &'static str) -> Result<Span, Error> {
        self.number(column).map(Span)
    }

    pub(crate) fn span_opt(&self, column: &'static str) -> Result<Option<Span>, Error> {
        Ok(self.number_opt(column)?.map(Span))
    }

    pub(crate) fn json<T: DeserializeOwned>(&self, column: &'static str) -> Result<T, Error> {
        let json: &str = self.get(column)?;
        serde_json::from_str(json).map_err(|error| self.damaged(column, error))
    }

    pub(crate) fn parsed<T>(&self, column: &'static str) -> Result<T, Error>
    where
        T: FromStr,
        T::Err: std::error::Error + Send + Sync + 'static,
    {
        let text: &str = self.get(column)?;
        text.parse()
            .map_err(|error: T::Err| self.damaged(column, error))
    }

    /// One of a closed set of words.
    pub(crate) fn word<T>(
        &self,
        column: &'static str,
        from_name: impl Fn(&str) -> Option<T>,
    ) -> Result<T, Error> {
        let name: &str = self.get(column)?;
        from_name(name).ok_or_else(|| self.unknown(column, name))
    }

    pub(crate) fn word_opt<T>(
        &self,
        column: &'static str,
        from_name: impl Fn(&str) -> Option<T>,
    ) -> Result<Option<T>, Error> {
        match self.get::<Option<&str>>(column)? {
            Some(_) => self.word(column, from_name).map(Some),
            None => Ok(None),
        }
    }

    pub(crate) fn uuid_opt(&self, column: &'static str) -> Result<Option<UpdateUuid>, Error> {
        let Some(bytes) = self.get::<Option<&[u8]>>(column)? else {
            return Ok(None);
        };
        let uuid = UpdateUuid::from_slice(bytes);
        uuid.map(Some)
            .ok_or_else(|| self.damaged(column, NotAUuid(bytes.len())))
    }

    pub(crate) fn launch(&self) -> Result<LaunchId, Error> {
        let epoch = Epoch(self.number("launch_epoch")?);
        Ok(LaunchId {
            epoch,
            number: self.number("launch_number")?,
        })
    }

    pub(crate) fn launch_opt(&self) -> Result<Option<LaunchId>, Error> {
        match self.get::<Option<i64>>("launch_epoch")? {
            Some(_) => self.launch().map(Some),
            None => Ok(None),
        }
    }

    pub(crate) fn trace(&self) -> Result<TraceContext, Error> {
        let (traceparent, tracestate) = (self.text("traceparent")?, self.text("tracestate")?);
        Ok(TraceContext::parse(&traceparent, &tracestate))
    }

    /// A value that should be there, given what another column says.
    pub(crate) fn required<T>(&self, column: &'static str, value: Option<T>) -> Result<T, Error> {
        value.ok_or_else(|| self.damaged(column, Absent))
    }

    /// The error for a word that is none of those that may stand in the column.
    pub(crate) fn unknown(&self, column: &'static str, word: &str) -> Error {
        self.damaged(column, UnknownWord(word.to_owned()))
    }

    fn fit<T: TryFrom<i64>>(&self, column: &'static str, number: i64) -> Result<T, Error> {
        T::try_from(number).map_err(|_| self.damaged(column, OutOfRange(number)))
    }

    fn damaged(
        &self,
        column: &'static str,
        source: impl std::error::Error + Send + Sync + 'static,
    ) -> Error {
        Error::Damaged {
            table: self.table,
            column,
            source: Box::new(source),
        }
    }
}

/// The inverse of how a time is written: the largest number stands for never.
fn time(micros: u64) -> Time {
    if micros == i64::MAX.cast_unsigned() {
        Time::NEVER
    } else {
        Time(micros)
    }
}

#[derive(Debug, thiserror::Error)]
#[error("'{0}' is none of the words that may stand there")]
struct UnknownWord(String);

#[derive(Debug, thiserror::Error)]
#[error("a uuid has 16 bytes, not {0}")]
struct NotAUuid(usize);

#[derive(Debug, thiserror::Error)]
#[error("the number {0} is out of range")]
struct OutOfRange(i64);

#[derive(Debug, thiserror::Error)]
#[error("there is no value although the row's state needs one")]
struct Absent;
