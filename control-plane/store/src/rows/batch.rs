//! Many rows for one table, on their way into a database.

use std::borrow::Cow;

use insula_types::{CellId, LaunchId, Span, Time, TraceContext, UpdateUuid};
use serde::Serialize;

use super::Table;
use super::value::{Value, micros};
use crate::Error;

/// Rows of one table, or keys of rows, all of the same width.
#[derive(Debug)]
pub(crate) struct Batch<'a> {
    /// For errors.
    pub(crate) table: &'static str,
    /// What the values of a row are.
    pub(crate) columns: Vec<&'static str>,
    values: Vec<Value<'a>>,
    /// A number that was met and has no place in a database.
    unfit: Option<u64>,
}

impl<'a> Batch<'a> {
    pub(crate) fn new(table: &'static str, columns: &[&'static str]) -> Self {
        Self {
            table,
            columns: columns.to_vec(),
            values: Vec::new(),
            unfit: None,
        }
    }

    /// Whole rows of the table.
    pub(crate) fn of(table: &Table) -> Self {
        let columns: Vec<_> = table.columns().collect();
        Self::new(table.name, &columns)
    }

    /// How many values a row has.
    pub(crate) fn width(&self) -> usize {
        self.columns.len()
    }

    pub(crate) fn len(&self) -> usize {
        self.values.len() / self.width()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// Adds a row, whose values are to be given in the order of the columns.
    pub(crate) fn row(&mut self) -> Row<'_, 'a> {
        debug_assert_eq!(self.values.len() % self.width(), 0, "the last row is whole");
        Row(self)
    }

    /// Checks how many rows an update found for the keys of the batch.
    ///
    /// # Errors
    /// [`Error::Missing`] if a row is not there.
    pub(crate) fn all_found(&self, found: u64) -> Result<(), Error> {
        if usize::try_from(found) == Ok(self.len()) {
            return Ok(());
        }
        Err(Error::Missing {
            table: self.table,
            what: format!("{} rows to update, {found} found", self.len()),
        })
    }

    /// All rows, one after the other.
    ///
    /// # Errors
    /// [`Error::TooLarge`] if one holds a number that a database cannot.
    pub(crate) fn values(&self) -> Result<&[Value<'a>], Error> {
        match self.unfit {
            None => Ok(&self.values),
            Some(number) => Err(Error::TooLarge {
                table: self.table,
                number,
            }),
        }
    }
}

/// A row that is being added.
pub(crate) struct Row<'b, 'a>(&'b mut Batch<'a>);

impl<'a> Row<'_, 'a> {
    fn value(self, value: Value<'a>) -> Self {
        self.0.values.push(value);
        self
    }

    pub(crate) fn text(self, text: impl Into<Cow<'a, str>>) -> Self {
        self.value(Value::Text(Some(text.into())))
    }

    pub(crate) fn text_opt(self, text: Option<&'a str>) -> Self {
        self.value(Value::Text(text.map(Cow::Borrowed)))
    }

    pub(crate) fn cell(self, cell: &'a CellId) -> Self {
        self.text(cell.as_str())
    }

    pub(crate) fn bytes(self, bytes: &'a [u8]) -> Self {
        self.value(Value::Bytes(Some(bytes.into())))
    }

    pub(crate) fn uuid_opt(self, uuid: Option<UpdateUuid>) -> Self {
        let bytes = uuid.map(|uuid| uuid.as_bytes().to_vec());
        self.value(Value::Bytes(bytes.map(Cow::Owned)))
    }

    pub(crate) fn flag(self, flag: bool) -> Self {
        self.value(Value::Flag(flag))
    }

    /// The 64 bits of a number that is compared with nothing.
    pub(crate) fn bits(self, bits: u64) -> Self {
        self.value(Value::Number(Some(bits.cast_signed())))
    }

    pub(crate) fn signed_opt(self, number: Option<i32>) -> Self {
        self.value(Value::Number(number.map(i64::from)))
    }

    pub(crate) fn number(self, number: u64) -> Self {
        self.number_opt(Some(number))
    }

    pub(crate) fn number_opt(self, number: Option<u64>) -> Self {
        let signed = number.map(i64::try_from).transpose();
        if signed.is_err() {
            self.0.unfit = number;
        }
        self.value(Value::Number(signed.unwrap_or_default()))
    }

    pub(crate) fn time(self, time: Time) -> Self {
        self.time_opt(Some(time))
    }

    pub(crate) fn time_opt(self, time: Option<Time>) -> Self {
        self.value(Value::Number(time.map(micros)))
    }

    pub(crate) fn span_opt(self, span: Option<Span>) -> Self {
        self.time_opt(span.map(|span| Time(span.0)))
    }

    pub(crate) fn launch(self, launch: LaunchId) -> Self {
        self.number(launch.epoch.0).number(launch.number)
    }

    pub(crate) fn trace(self, trace: &'a TraceContext) -> Self {
        self.text(trace.traceparent()).text(trace.tracestate())
    }

    /// A compound value; all that are stored are plain data, which always has a JSON form.
    pub(crate) fn json(self, value: &impl Serialize) -> Self {
        let json =
            serde_json::to_string(value).expect("lists and maps of plain data have a JSON form");
        self.text(json)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_number_that_no_database_holds_is_refused_with_its_table() {
        let mut batch = Batch::new("role", &["weight_millis"]);
        batch.row().number(1);
        batch.row().number(u64::MAX);
        assert_eq!(batch.len(), 2);
        let refused = batch.values().unwrap_err();
        assert!(
            matches!(
                refused,
                Error::TooLarge {
                    table: "role",
                    number: u64::MAX
                }
            ),
            "{refused}"
        );
    }

    #[test]
    fn a_deadline_that_never_comes_is_the_largest_number() {
        let mut batch = Batch::new("framework", &["state_at_us"]);
        batch.row().time(Time::NEVER);
        assert_eq!(batch.values().unwrap(), [Value::Number(Some(i64::MAX))]);
    }
}
