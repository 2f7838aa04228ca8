//! Modules: who owns which, and the files with their bytes.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use insula_types::{FORMAT_VERSION, TenantId, Time};
use sha2::{Digest as _, Sha256};
use sqlx::sqlite::SqliteRow;
use tokio::fs::File;
use tokio::io::AsyncWriteExt;

use super::Store;
use super::columns::Columns;
use super::values::micros;
use crate::Error;
use crate::digest::Digest;
use crate::error::failed_to;
use crate::page::PAGE_ROWS_MAX;

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

/// Bytes on their way in. They lie in a file of their own, which goes with this value until
/// [`Upload::keep`] makes them a module.
#[derive(Debug)]
pub struct Upload {
    store: Store,
    incoming: Incoming,
    file: File,
    hash: Sha256,
    bytes: u64,
    bytes_max: u64,
}

#[derive(Debug)]
struct Incoming(PathBuf);

impl Drop for Incoming {
    fn drop(&mut self) {
        // Nothing to remove is the usual case: the file was renamed.
        let _ = std::fs::remove_file(&self.0);
    }
}

impl Upload {
    /// Adds bytes.
    ///
    /// # Errors
    /// [`Error::ModuleTooLarge`] beyond the limit; [`Error::File`] if the disk does not take them.
    pub async fn write(&mut self, chunk: &[u8]) -> Result<(), Error> {
        self.bytes += chunk.len() as u64;
        if self.bytes > self.bytes_max {
            return Err(Error::ModuleTooLarge {
                max: self.bytes_max,
            });
        }
        self.hash.update(chunk);
        self.file
            .write_all(chunk)
            .await
            .map_err(failed_file("write", &self.incoming.0))
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
        let Self {
            store,
            incoming,
            file,
            hash,
            bytes,
            ..
        } = self;
        let digest = Digest::from(<[u8; 32]>::from(hash.finalize()));
        file.sync_all()
            .await
            .map_err(failed_file("write", &incoming.0))?;
        let mut transaction = store.begin().await?;
        let path = store.module_path(&digest)?;
        std::fs::rename(&incoming.0, &path).map_err(failed_file("create", &path))?;
        let sql = "INSERT INTO module
                       (tenant, digest, name, kind, bytes, created_at_us, format_version)
                   VALUES (?, ?, ?, ?, ?, ?, ?)
                   ON CONFLICT (tenant, digest) DO UPDATE SET name = excluded.name
                   RETURNING tenant, digest, name, kind, bytes, created_at_us, format_version";
        let row = sqlx::query(sql)
            .bind(tenant.as_str())
            .bind(digest.hex())
            .bind(name)
            .bind(kind.as_str())
            .bind(bytes.cast_signed())
            .bind(micros(now))
            .bind(FORMAT_VERSION)
            .fetch_one(&mut *transaction)
            .await
            .map_err(failed_to("keep a module"))?;
        let module = decode(&row)?;
        transaction
            .commit()
            .await
            .map_err(failed_to("keep a module"))?;
        Ok(module)
    }
}

impl Store {
    /// Begins to take in a module of at most `bytes_max` bytes.
    ///
    /// # Errors
    /// [`Error::NoModules`] for a store in memory; [`Error::File`] if the disk does not do it.
    pub async fn upload(&self, bytes_max: u64) -> Result<Upload, Error> {
        static UPLOADS: AtomicU64 = AtomicU64::new(0);
        let number = UPLOADS.fetch_add(1, Ordering::Relaxed);
        let path = self.modules()?.join(format!("{INCOMING}{number}"));
        let file = File::create(&path)
            .await
            .map_err(failed_file("create", &path))?;
        let incoming = Incoming(path);
        Ok(Upload {
            store: self.clone(),
            incoming,
            file,
            hash: Sha256::new(),
            bytes: 0,
            bytes_max,
        })
    }

    /// A module of the tenant.
    ///
    /// # Errors
    /// If the database does not answer, or the row cannot be read.
    pub async fn module(
        &self,
        tenant: &TenantId,
        digest: &Digest,
    ) -> Result<Option<Module>, Error> {
        let sql = "SELECT tenant, digest, name, kind, bytes, created_at_us, format_version
                   FROM module WHERE tenant = ? AND digest = ?";
        let row = sqlx::query(sql)
            .bind(tenant.as_str())
            .bind(digest.hex())
            .fetch_optional(&self.readers)
            .await
            .map_err(failed_to("read a module"))?;
        row.as_ref().map(decode).transpose()
    }

    /// The tenant's modules by digest, starting after `after`, at most [`PAGE_ROWS_MAX`].
    ///
    /// # Errors
    /// If the database does not answer, or a row cannot be read.
    pub async fn list_modules(
        &self,
        tenant: &TenantId,
        after: Option<&Digest>,
        limit: usize,
    ) -> Result<Vec<Module>, Error> {
        let sql = "SELECT tenant, digest, name, kind, bytes, created_at_us, format_version
                   FROM module WHERE tenant = ? AND digest > ? ORDER BY digest LIMIT ?";
        let limit = i64::try_from(limit.min(PAGE_ROWS_MAX)).unwrap_or(i64::MAX);
        let rows = sqlx::query(sql)
            .bind(tenant.as_str())
            .bind(after.map(Digest::hex).unwrap_or_default())
            .bind(limit)
            .fetch_all(&self.readers)
            .await
            .map_err(failed_to("list modules"))?;
        rows.iter().map(decode).collect()
    }

    /// The bytes of a module, whoever owns it: check that first.
    ///
    /// # Errors
    /// [`Error::File`] if they cannot be opened, as when nobody owns such a module.
    pub async fn open_module(&self, digest: &Digest) -> Result<File, Error> {
        let path = self.module_path(digest)?;
        File::open(&path).await.map_err(failed_file("open", &path))
    }

    /// Removes the tenant's module, and the bytes with the last owner; says whether there was one.
    ///
    /// A crash between the two leaves a file that nobody owns, which the next upload of the same
    /// bytes replaces.
    ///
    /// # Errors
    /// If the database or the disk does not do it.
    pub async fn remove_module(&self, tenant: &TenantId, digest: &Digest) -> Result<bool, Error> {
        let done = sqlx::query("DELETE FROM module WHERE tenant = ? AND digest = ?")
            .bind(tenant.as_str())
            .bind(digest.hex())
            .execute(&self.writer)
            .await
            .map_err(failed_to("remove a module"))?;
        if done.rows_affected() == 0 {
            return Ok(false);
        }
        self.remove_bytes(digest).await?;
        Ok(true)
    }

    /// Holds the write lock meanwhile, so that no upload makes somebody an owner in between.
    async fn remove_bytes(&self, digest: &Digest) -> Result<(), Error> {
        let path = self.module_path(digest)?;
        let mut transaction = self.begin().await?;
        let owner = sqlx::query("SELECT tenant FROM module WHERE digest = ? LIMIT 1")
            .bind(digest.hex())
            .fetch_optional(&mut *transaction)
            .await
            .map_err(failed_to("look for owners of a module"))?;
        if owner.is_none() {
            std::fs::remove_file(&path).map_err(failed_file("remove", &path))?;
        }
        Ok(())
    }

    fn modules(&self) -> Result<&Path, Error> {
        self.modules.as_deref().ok_or(Error::NoModules)
    }

    fn module_path(&self, digest: &Digest) -> Result<PathBuf, Error> {
        Ok(self.modules()?.join(digest.hex()))
    }
}

/// How the names of files on their way in begin; those of modules are hex.
const INCOMING: &str = "incoming-";

/// Removes what uploads left behind that a crash cut short. Only the directory's owner may.
pub(super) fn sweep(modules: &Path) -> Result<(), Error> {
    let entries = std::fs::read_dir(modules).map_err(failed_file("list", modules))?;
    for entry in entries {
        let entry = entry.map_err(failed_file("list", modules))?;
        if entry.file_name().to_string_lossy().starts_with(INCOMING) {
            std::fs::remove_file(entry.path()).map_err(failed_file("remove", &entry.path()))?;
        }
    }
    Ok(())
}

fn failed_file(action: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> Error + use<> {
    let path = path.to_owned();
    move |source| Error::File {
        action,
        path,
        source,
    }
}

fn decode(row: &SqliteRow) -> Result<Module, Error> {
    let columns = Columns::of("module", row)?;
    Ok(Module {
        tenant: columns.id("tenant")?,
        digest: columns.parsed("digest")?,
        name: columns.text("name")?,
        kind: columns.word("kind", ModuleKind::from_name)?,
        bytes: columns.number("bytes")?,
        created_at: columns.time("created_at_us")?,
    })
}
