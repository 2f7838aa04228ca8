//! A query that both databases understand, with its values.

use std::borrow::Cow;

use insula_types::{LaunchId, TenantId, Time};

use super::value::{Value, micros};
use super::{Batch, Row, Table};
use crate::Error;

/// SQL in which `$1`, `$2`, … stand for the values: Postgres' own way, which SQLite knows as well.
#[derive(Debug)]
pub(crate) struct Query<'a> {
    pub(crate) sql: String,
    pub(crate) values: Vec<Value<'a>>,
}

impl<'a> Query<'a> {
    pub(crate) fn new(sql: impl Into<String>) -> Self {
        Self {
            sql: sql.into(),
            values: Vec::new(),
        }
    }

    /// `INSERT` of a whole row, whose values `encode` gives in the order of the columns.
    ///
    /// # Errors
    /// [`Error::TooLarge`] if one of them is a number that a database cannot hold.
    pub(crate) fn insert(
        table: &Table,
        encode: impl for<'b> FnOnce(Row<'b, 'a>),
    ) -> Result<Self, Error> {
        let mut batch = Batch::of(table);
        encode(batch.row());
        let mut query = Self::new(table.insert()).sql(" VALUES (");
        for (place, value) in batch.values()?.iter().enumerate() {
            let separated = query.sql(if place == 0 { "" } else { ", " });
            query = separated.value(value.clone());
        }
        Ok(query.sql(")"))
    }

    pub(crate) fn sql(mut self, sql: &str) -> Self {
        self.sql.push_str(sql);
        self
    }

    pub(crate) fn text(self, text: impl Into<Cow<'a, str>>) -> Self {
        self.value(Value::Text(Some(text.into())))
    }

    pub(crate) fn number(self, number: i64) -> Self {
        self.value(Value::Number(Some(number)))
    }

    pub(crate) fn bytes(self, bytes: impl Into<Cow<'a, [u8]>>) -> Self {
        self.value(Value::Bytes(Some(bytes.into())))
    }

    pub(crate) fn time(self, time: Time) -> Self {
        self.number(micros(time))
    }

    /// ` AND tenant = …`, if a tenant is given.
    pub(crate) fn of_tenant(self, tenant: Option<&'a TenantId>) -> Self {
        match tenant {
            Some(tenant) => self.sql(" AND tenant = ").text(tenant.as_str()),
            None => self,
        }
    }

    /// ` AND` the column starts with the text. Not LIKE: the text may contain its wildcards.
    pub(crate) fn starts_with(self, column: &str, prefix: &'a str) -> Self {
        self.sql(" AND substr(")
            .sql(column)
            .sql(", 1, length(")
            .text(prefix)
            .sql(")) = ")
            .text(prefix)
    }

    /// `(epoch, number)` of a launch. An id that was never handed out may be larger than any that is
    /// stored; it counts as the largest.
    pub(crate) fn launch(self, launch: LaunchId) -> Self {
        let signed = |number| i64::try_from(number).unwrap_or(i64::MAX);
        self.sql("(")
            .number(signed(launch.epoch.0))
            .sql(", ")
            .number(signed(launch.number))
            .sql(")")
    }

    fn value(mut self, value: Value<'a>) -> Self {
        self.values.push(value);
        let place = format!("${}", self.values.len());
        self.sql(&place)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_numbered_in_the_order_in_which_they_are_given() {
        let query = Query::new("SELECT a FROM t WHERE b = ")
            .text("x")
            .starts_with("c", "y")
            .sql(" LIMIT ")
            .number(3);
        assert_eq!(
            query.sql,
            "SELECT a FROM t WHERE b = $1 AND substr(c, 1, length($2)) = $3 LIMIT $4"
        );
        assert_eq!(query.values.len(), 4);
    }
}
