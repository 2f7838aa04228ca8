//! Values of columns.

use std::borrow::Cow;

use insula_types::Time;

/// The value of a column. What is absent says of which type it is, since an array of Postgres needs
/// to know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Value<'a> {
    Text(Option<Cow<'a, str>>),
    Bytes(Option<Cow<'a, [u8]>>),
    Number(Option<i64>),
    Flag(bool),
}

/// A time in microseconds; [`Time::NEVER`] becomes the largest number there is, as does any time
/// after the year 294,000.
pub(crate) fn micros(time: Time) -> i64 {
    i64::try_from(time.0).unwrap_or(i64::MAX)
}
