//! Modules, whose bytes lie in the database, in rows of a mebibyte.
//!
//! Every replica can serve any module, and a backup of the database has them all. Neither way in nor
//! way out holds more than a chunk in memory or a transaction open for longer than a chunk takes.

use bytes::{Bytes, BytesMut};
use insula_types::{FORMAT_VERSION, TenantId};
use sqlx::{PgConnection, Row};

use super::{Store, read};
use crate::error::failed_to;
use crate::rows::{AnyRow, Columns};
use crate::service::{Module, ModuleBytes, Upload, module};
use crate::{Digest, Error};

/// The size of all chunks but the last: large enough that a module has few rows, small enough to be
/// held many times over.
const CHUNK_BYTES: usize = 1 << 20;

/// A blob that bytes come into. Nobody's as long as it has no digest, and swept away then when
/// nothing has come for an hour.
#[derive(Debug)]
pub(crate) struct Incoming {
    store: Store,
    blob: i64,
    chunks: i64,
    pending: BytesMut,
}

/// The bytes of a chunk that makes the blob one longer, or nothing if the blob was swept away.
const ADD_CHUNK: &str = "
    WITH longer AS (
        UPDATE module_blob SET
            chunks = chunks + 1,
            touched_at = statement_timestamp()
        WHERE blob = $1 AND chunks = $2 AND digest IS NULL
        RETURNING blob
    )
    INSERT INTO module_chunk (blob, number, bytes) SELECT blob, $2, $3 FROM longer";

impl Incoming {
    pub(crate) async fn write(&mut self, mut bytes: &[u8]) -> Result<(), Error> {
        while self.pending.len() + bytes.len() >= CHUNK_BYTES {
            let (now, later) = bytes.split_at(CHUNK_BYTES - self.pending.len());
            self.pending.extend_from_slice(now);
            self.add_chunk().await?;
            bytes = later;
        }
        self.pending.extend_from_slice(bytes);
        Ok(())
    }

    async fn add_chunk(&mut self) -> Result<(), Error> {
        let done = sqlx::query(ADD_CHUNK)
            .bind(self.blob)
            .bind(self.chunks)
            .bind(&self.pending[..])
            .execute(&self.store.pool)
            .await
            .map_err(failed_to("write a part of a module"))?;
        if done.rows_affected() == 0 {
            return Err(missing("the upload, which stood still for too long"));
        }
        self.chunks += 1;
        self.pending.clear();
        Ok(())
    }

    pub(crate) async fn keep(mut self, module: &Module) -> Result<Module, Error> {
        if !self.pending.is_empty() {
            self.add_chunk().await?;
        }
        let mut transaction = self
            .store
            .pool
            .begin()
            .await
            .map_err(failed_to("begin to write"))?;
        lock(&mut transaction, &module.digest).await?;
        own_bytes(&mut transaction, self.blob, &module.digest).await?;
        let query = module::keep(module)?;
        let row = read::fetch_optional(&mut *transaction, query, "keep a module").await?;
        let kept = module::decode_kept(row.as_ref().map(AnyRow::from))?;
        transaction
            .commit()
            .await
            .map_err(failed_to("keep a module"))?;
        Ok(kept)
    }
}

/// Whoever gives a digest its bytes or takes them away waits for any other who does, until the end
/// of the transaction.
async fn lock(connection: &mut PgConnection, digest: &Digest) -> Result<(), Error> {
    sqlx::query("SELECT pg_advisory_xact_lock(hashtextextended($1, 0))")
        .bind(digest.to_string())
        .execute(connection)
        .await
        .map_err(failed_to("lock a module"))?;
    Ok(())
}

/// Gives the blob its digest, or removes it if there are the same bytes already.
async fn own_bytes(connection: &mut PgConnection, blob: i64, digest: &Digest) -> Result<(), Error> {
    let failed = || failed_to("keep the bytes of a module");
    let sql = "UPDATE module_blob SET digest = $2
               WHERE blob = $1
                   AND NOT EXISTS (SELECT FROM module_blob WHERE digest = $2)";
    let done = sqlx::query(sql)
        .bind(blob)
        .bind(digest.hex())
        .execute(&mut *connection)
        .await
        .map_err(failed())?;
    if done.rows_affected() == 1 {
        return Ok(());
    }
    let done = sqlx::query("DELETE FROM module_blob WHERE blob = $1")
        .bind(blob)
        .execute(connection)
        .await
        .map_err(failed())?;
    match done.rows_affected() {
        0 => Err(missing("the upload, which stood still for too long")),
        _ => Ok(()),
    }
}

/// A blob that bytes are read from, a chunk at a time and in no transaction: a slow reader holds
/// nothing up. When the module is removed meanwhile the next chunk is not found.
#[derive(Debug)]
pub(crate) struct Outgoing {
    store: Store,
    blob: i64,
    next: i64,
    chunks: i64,
    rest: Bytes,
}

impl Outgoing {
    pub(crate) async fn next(&mut self, bytes_max: usize) -> Result<Option<Bytes>, Error> {
        if self.rest.is_empty() && self.next < self.chunks {
            self.rest = self.read_chunk().await?;
            self.next += 1;
        }
        let bytes = self.rest.split_to(bytes_max.min(self.rest.len()));
        Ok((!bytes.is_empty()).then_some(bytes))
    }

    async fn read_chunk(&self) -> Result<Bytes, Error> {
        let failed = || failed_to("read a part of a module");
        let row = sqlx::query("SELECT bytes FROM module_chunk WHERE blob = $1 AND number = $2")
            .bind(self.blob)
            .bind(self.next)
            .fetch_optional(&self.store.pool)
            .await
            .map_err(failed())?;
        let row = row.ok_or_else(|| missing("a module that was removed while it was read"))?;
        let bytes: Vec<u8> = row.try_get("bytes").map_err(failed())?;
        Ok(bytes.into())
    }
}

impl Store {
    pub(crate) async fn upload(&self, bytes_max: u64) -> Result<Upload, Error> {
        let sql = "INSERT INTO module_blob (chunks, touched_at, format_version)
                   VALUES (0, statement_timestamp(), $1)
                   RETURNING blob";
        let row = sqlx::query(sql)
            .bind(i64::from(FORMAT_VERSION))
            .fetch_one(&self.pool)
            .await
            .map_err(failed_to("begin to take in a module"))?;
        let incoming = Incoming {
            store: self.clone(),
            blob: row
                .try_get("blob")
                .map_err(failed_to("begin to take in a module"))?,
            chunks: 0,
            pending: BytesMut::new(),
        };
        Ok(Upload::into_rows(incoming, bytes_max))
    }

    pub(crate) async fn open_module(&self, digest: &Digest) -> Result<ModuleBytes, Error> {
        let sql = "SELECT blob, chunks, format_version FROM module_blob WHERE digest = $1";
        let row = sqlx::query(sql)
            .bind(digest.hex())
            .fetch_optional(&self.pool)
            .await
            .map_err(failed_to("open a module"))?;
        let row = row.ok_or_else(|| missing("a module that nobody owns"))?;
        let columns = Columns::of("module_blob", &row)?;
        Ok(ModuleBytes::of_rows(Outgoing {
            store: self.clone(),
            blob: columns.get("blob")?,
            next: 0,
            chunks: columns.get("chunks")?,
            rest: Bytes::new(),
        }))
    }

    pub(crate) async fn remove_module(
        &self,
        tenant: &TenantId,
        digest: &Digest,
    ) -> Result<bool, Error> {
        let failed = || failed_to("remove a module");
        let mut transaction = self.pool.begin().await.map_err(failed())?;
        lock(&mut transaction, digest).await?;
        let query = module::remove(tenant, digest);
        let removed = read::execute(&mut *transaction, query, "remove a module").await?;
        let query = module::owners(digest);
        let owner =
            read::fetch_optional(&mut *transaction, query, "look for owners of a module").await?;
        if owner.is_none() {
            sqlx::query("DELETE FROM module_blob WHERE digest = $1")
                .bind(digest.hex())
                .execute(&mut *transaction)
                .await
                .map_err(failed())?;
        }
        transaction.commit().await.map_err(failed())?;
        Ok(removed == 1)
    }

    /// Replicas that sweep at once do not wait for each other.
    pub(crate) async fn sweep_uploads(&self) -> Result<u64, Error> {
        let sql = "DELETE FROM module_blob WHERE blob IN (
                       SELECT blob FROM module_blob
                       WHERE digest IS NULL
                           AND touched_at < statement_timestamp() - interval '1 hour'
                       FOR UPDATE SKIP LOCKED
                   )";
        let done = sqlx::query(sql)
            .execute(&self.pool)
            .await
            .map_err(failed_to("sweep uploads"))?;
        Ok(done.rows_affected())
    }
}

fn missing(what: &str) -> Error {
    Error::Missing {
        table: "module_blob",
        what: what.to_owned(),
    }
}
