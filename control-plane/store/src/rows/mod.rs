//! Rows, whichever database they lie in: their tables, how a value becomes a column and a column a
//! value, and the SQL that both databases understand.

pub(crate) mod agent;
mod batch;
pub(crate) mod cell;
mod changes;
mod columns;
pub(crate) mod framework;
pub(crate) mod mark;
mod query;
pub(crate) mod request;
pub(crate) mod role;
mod table;
pub(crate) mod task;
mod value;

pub(crate) use batch::{Batch, Row};
pub(crate) use changes::Changes;
pub(crate) use columns::{AnyRow, Columns};
pub(crate) use query::Query;
pub(crate) use table::{Statement, Table};
pub(crate) use value::{Value, micros};
