//! Modules: who owns which, and how their bytes come in and go out, a piece at a time.

use bytes::Bytes;
use insula_types::{FORMAT_VERSION, TenantId, Time};
use sha2::{Digest as _, Sha256};

use crate::rows::{AnyRow, Columns, Query, Table};
use crate::{Digest, Error, PAGE_ROWS_MAX, postgres, sqlite};

const TABLE: Table = Table {
    name: "module",
    key: &["tenant", "digest"],
    fixed: &["kind", "bytes", "created_at_us", "format_version"],
    latest: &["name"],
};

/// What kind of Wasm a module is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ModuleKind {
    /// A core module, of WASI preview 1.
    Core,
    /// A component, of WASI 0.2.
    Component,
}

impl ModuleKind {
    /// The word used in rows, JSON and tables.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Core => "core",
            Self::Component => "component",
        }
    }

    /// The kind of that word.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Core, Self::Component]
            .into_iter()
            .find(|kind| kind.as_str() == name)
    }
}

/// A module that a tenant has uploaded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Module {
    /// Who owns it. Several tenants may have uploaded the same bytes; none sees that of another.
    pub tenant: TenantId,
    /// What the bytes are.
    pub digest: Digest,
    /// For people; the latest upload of the same bytes names it.
    pub name: String,
    /// What kind of Wasm it is.
    pub kind: ModuleKind,
    /// Its size.
    pub bytes: u64,
    /// When the tenant uploaded it first, by the wall clock.
    pub created_at: Time,
}

/// Keeps the module, or renames it, and gives it back.
pub(crate) fn keep(module: &Module) -> Result<Query<'_>, Error> {
    let query = Query::insert(&TABLE, |row| {
        row.text(module.tenant.as_str())
            .text(module.digest.hex())
            .text(module.kind.as_str())
            .number(module.bytes)
            .time(module.created_at)
            .number(FORMAT_VERSION.into())
            .text(&module.name);
    })?;
    let columns: Vec<_> = TABLE.columns().collect();
    Ok(query
        .sql(" ")
        .sql(&TABLE.or_update())
        .sql(" RETURNING ")
        .sql(&columns.join(", ")))
}

pub(crate) fn one<'a>(tenant: &'a TenantId, digest: &Digest) -> Query<'a> {
    Query::new(TABLE.select(TABLE.name))
        .sql(" WHERE tenant = ")
        .text(tenant.as_str())
        .sql(" AND digest = ")
        .text(digest.hex())
}

pub(crate) fn page<'a>(tenant: &'a TenantId, after: Option<&Digest>, limit: usize) -> Query<'a> {
    Query::new(TABLE.select(TABLE.name))
        .sql(" WHERE tenant = ")
        .text(tenant.as_str())
        .sql(" AND digest > ")
        .text(after.map(Digest::hex).unwrap_or_default())
        .sql(" ORDER BY digest LIMIT ")
        .number(i64::try_from(limit.min(PAGE_ROWS_MAX)).unwrap_or(i64::MAX))
}

pub(crate) fn remove<'a>(tenant: &'a TenantId, digest: &Digest) -> Query<'a> {
    Query::new("DELETE FROM module WHERE tenant = ")
        .text(tenant.as_str())
        .sql(" AND digest = ")
        .text(digest.hex())
}

/// A row for each owner.
pub(crate) fn owners(digest: &Digest) -> Query<'static> {
    Query::new("SELECT tenant FROM module WHERE digest = ").text(digest.hex())
}

pub(crate) fn decode(row: AnyRow<'_>) -> Result<Module, Error> {
    let columns = Columns::of(TABLE.name, row)?;
    Ok(Module {
        tenant: columns.id("tenant")?,
        digest: columns.parsed("digest")?,
        name: columns.text("name")?,
        kind: columns.word("kind", ModuleKind::from_name)?,
        bytes: columns.number("bytes")?,
        created_at: columns.time("created_at_us")?,
    })
}

/// The row that [`keep`] gave back.
pub(crate) fn decode_kept(row: Option<AnyRow<'_>>) -> Result<Module, Error> {
    let row = row.ok_or_else(|| Error::Missing {
        table: TABLE.name,
        what: "the module that was kept".to_owned(),
    })?;
    decode(row)
}

/// Bytes on their way in. They lie apart, as nobody's, until [`Upload::keep`] makes them a module;
/// if that never happens they are removed.
#[derive(Debug)]
pub struct Upload {
    hash: Sha256,
    bytes: u64,
    bytes_max: u64,
    incoming: Incoming,
}

#[derive(Debug)]
enum Incoming {
    File(sqlite::Incoming),
    Rows(postgres::Incoming),
}

impl Upload {
    pub(crate) fn into_file(incoming: sqlite::Incoming, bytes_max: u64) -> Self {
        Self::into(Incoming::File(incoming), bytes_max)
    }

    pub(crate) fn into_rows(incoming: postgres::Incoming, bytes_max: u64) -> Self {
        Self::into(Incoming::Rows(incoming), bytes_max)
    }

    fn into(incoming: Incoming, bytes_max: u64) -> Self {
        Self {
            hash: Sha256::new(),
            bytes: 0,
            bytes_max,
            incoming,
        }
    }

    /// Adds bytes, however many at a time.
    ///
    /// # Errors
    /// [`Error::ModuleTooLarge`] beyond the limit; else if the disk or the database does not take
    /// them.
    pub async fn write(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.bytes += bytes.len() as u64;
        if self.bytes > self.bytes_max {
            return Err(Error::ModuleTooLarge {
                max: self.bytes_max,
            });
        }
        self.hash.update(bytes);
        match &mut self.incoming {
            Incoming::File(file) => file.write(bytes).await,
            Incoming::Rows(rows) => rows.write(bytes).await,
        }
    }

    /// Makes the bytes a module of the tenant. Uploading the same again only renames it.
    ///
    /// # Errors
    /// If the disk or the database does not do it; the bytes are gone then.
    pub async fn keep(
        self,
        tenant: &TenantId,
        name: &str,
        kind: ModuleKind,
        now: Time,
    ) -> Result<Module, Error> {
        let module = Module {
            tenant: tenant.clone(),
            digest: Digest::from(<[u8; 32]>::from(self.hash.finalize())),
            name: name.to_owned(),
            kind,
            bytes: self.bytes,
            created_at: now,
        };
        match self.incoming {
            Incoming::File(file) => file.keep(&module).await,
            Incoming::Rows(rows) => rows.keep(&module).await,
        }
    }
}

/// The bytes of a module on their way out.
#[derive(Debug)]
pub struct ModuleBytes(Outgoing);

#[derive(Debug)]
enum Outgoing {
    File(sqlite::Outgoing),
    Rows(postgres::Outgoing),
}

impl ModuleBytes {
    pub(crate) fn of_file(file: sqlite::Outgoing) -> Self {
        Self(Outgoing::File(file))
    }

    pub(crate) fn of_rows(rows: postgres::Outgoing) -> Self {
        Self(Outgoing::Rows(rows))
    }

    /// The bytes that follow, at least one and at most `bytes_max`; nothing at the end.
    ///
    /// # Errors
    /// If they cannot be read, as when the module's last owner removes it meanwhile.
    pub async fn next(&mut self, bytes_max: usize) -> Result<Option<Bytes>, Error> {
        match &mut self.0 {
            Outgoing::File(file) => file.next(bytes_max).await,
            Outgoing::Rows(rows) => rows.next(bytes_max).await,
        }
    }
}
