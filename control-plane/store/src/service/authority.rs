//! Certificate authorities.

use std::fmt;

use insula_types::{CellId, FORMAT_VERSION, Time};

use crate::Error;
use crate::rows::{AnyRow, Columns, Query, Table};

const TABLE: Table = Table {
    name: "authority",
    key: &["name"],
    fixed: &[
        "cell",
        "certificate",
        "private_key",
        "created_at_us",
        "format_version",
    ],
    latest: &[],
};

/// A certificate authority with its key.
///
/// The key lies in the database as it is: whoever reads the database can certify agents. Encryption
/// at rest comes with organizations of their own.
#[derive(Clone, PartialEq, Eq)]
pub struct Authority {
    /// Names it: `service`, or the organization's.
    pub name: String,
    /// The cell whose agents it certifies; none for the service's own.
    pub cell: Option<CellId>,
    /// X.509, DER.
    pub certificate: Vec<u8>,
    /// PKCS#8, DER.
    pub private_key: Vec<u8>,
    /// When it was made, by the wall clock.
    pub created_at: Time,
}

impl fmt::Debug for Authority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authority")
            .field("name", &self.name)
            .field("cell", &self.cell)
            .field("created_at", &self.created_at)
            .finish_non_exhaustive()
    }
}

/// Keeps the authority unless there is one of that name.
pub(crate) fn keep(authority: &Authority) -> Result<Query<'_>, Error> {
    let query = Query::insert(&TABLE, |row| {
        row.text(&authority.name)
            .text_opt(authority.cell.as_ref().map(CellId::as_str))
            .bytes(&authority.certificate)
            .bytes(&authority.private_key)
            .time(authority.created_at)
            .number(FORMAT_VERSION.into());
    })?;
    Ok(query.sql(" ON CONFLICT (name) DO NOTHING"))
}

pub(crate) fn one(name: &str) -> Query<'_> {
    Query::new(TABLE.select(TABLE.name))
        .sql(" WHERE name = ")
        .text(name)
}

pub(crate) fn decode(row: AnyRow<'_>) -> Result<Authority, Error> {
    let columns = Columns::of(TABLE.name, row)?;
    Ok(Authority {
        name: columns.text("name")?,
        cell: columns.id_opt("cell")?,
        certificate: columns.get("certificate")?,
        private_key: columns.get("private_key")?,
        created_at: columns.time("created_at_us")?,
    })
}

/// The error when an authority is gone that was just kept.
pub(crate) fn missing(name: &str) -> Error {
    Error::Missing {
        table: TABLE.name,
        what: name.to_owned(),
    }
}
