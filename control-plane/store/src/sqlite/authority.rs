//! Certificate authorities.

use std::fmt;

use insula_types::{CellId, FORMAT_VERSION, Time};

use super::Store;
use super::columns::Columns;
use super::values::micros;
use crate::Error;
use crate::error::failed_to;

/// A certificate authority with its key.
///
/// The key lies in the database as it is: the file is readable by its owner alone. Encryption at
/// rest comes with organizations of their own.
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

impl Store {
    /// Keeps an authority, unless there is one of that name, and returns the one that is kept: when
    /// two make it at once, both go on with the same one.
    ///
    /// # Errors
    /// If the database does not do it.
    pub async fn keep_authority(&self, authority: &Authority) -> Result<Authority, Error> {
        let sql = "INSERT INTO authority
                       (name, cell, certificate, private_key, created_at_us, format_version)
                   VALUES (?, ?, ?, ?, ?, ?)
                   ON CONFLICT (name) DO NOTHING";
        sqlx::query(sql)
            .bind(&authority.name)
            .bind(authority.cell.as_ref().map(CellId::as_str))
            .bind(&authority.certificate)
            .bind(&authority.private_key)
            .bind(micros(authority.created_at))
            .bind(FORMAT_VERSION)
            .execute(&self.writer)
            .await
            .map_err(failed_to("keep a certificate authority"))?;
        let kept = self.authority(&authority.name).await?;
        kept.ok_or_else(|| Error::Missing {
            table: "authority",
            what: authority.name.clone(),
        })
    }

    /// The authority of that name, if there is one.
    ///
    /// # Errors
    /// If the database does not answer, or the row cannot be read.
    pub async fn authority(&self, name: &str) -> Result<Option<Authority>, Error> {
        let sql = "SELECT name, cell, certificate, private_key, created_at_us, format_version
                   FROM authority WHERE name = ?";
        let row = sqlx::query(sql)
            .bind(name)
            .fetch_optional(&self.readers)
            .await
            .map_err(failed_to("read a certificate authority"))?;
        let Some(row) = row else {
            return Ok(None);
        };
        let columns = Columns::of("authority", &row)?;
        Ok(Some(Authority {
            name: columns.text("name")?,
            cell: columns.id_opt("cell")?,
            certificate: columns.get("certificate")?,
            private_key: columns.get("private_key")?,
            created_at: columns.time("created_at_us")?,
        }))
    }
}
