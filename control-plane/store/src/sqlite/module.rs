//! Modules, whose bytes lie beside the database in files named by their digest.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::{Bytes, BytesMut};
use insula_types::TenantId;
use tokio::fs::File;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::{Store, read};
use crate::error::failed_to;
use crate::rows::AnyRow;
use crate::service::{Module, ModuleBytes, Upload, module};
use crate::{Digest, Error};

/// A file that bytes come into; it goes with this value unless it becomes a module's.
#[derive(Debug)]
pub(crate) struct Incoming {
    store: Store,
    path: Unowned,
    file: File,
}

#[derive(Debug)]
struct Unowned(PathBuf);

impl Drop for Unowned {
    fn drop(&mut self) {
        // Nothing to remove is the usual case: the file was renamed.
        let _ = std::fs::remove_file(&self.0);
    }
}

impl Incoming {
    pub(crate) async fn write(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.file
            .write_all(bytes)
            .await
            .map_err(failed_file("write", &self.path.0))
    }

    pub(crate) async fn keep(self, module: &Module) -> Result<Module, Error> {
        let Self { store, path, file } = self;
        file.sync_all()
            .await
            .map_err(failed_file("write", &path.0))?;
        let mut transaction = store.begin().await?;
        let to = store.module_path(&module.digest)?;
        std::fs::rename(&path.0, &to).map_err(failed_file("create", &to))?;
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

/// A file that a module's bytes are read from. Its bytes stay readable when the module is removed.
#[derive(Debug)]
pub(crate) struct Outgoing {
    path: PathBuf,
    file: File,
}

impl Outgoing {
    pub(crate) async fn next(&mut self, bytes_max: usize) -> Result<Option<Bytes>, Error> {
        let mut bytes = BytesMut::with_capacity(bytes_max);
        let count = (&mut self.file)
            .take(bytes_max as u64)
            .read_buf(&mut bytes)
            .await
            .map_err(failed_file("read", &self.path))?;
        Ok((count > 0).then(|| bytes.freeze()))
    }
}

impl Store {
    pub(crate) async fn upload(&self, bytes_max: u64) -> Result<Upload, Error> {
        static UPLOADS: AtomicU64 = AtomicU64::new(0);
        let number = UPLOADS.fetch_add(1, Ordering::Relaxed);
        let path = self.modules()?.join(format!("{INCOMING}{number}"));
        let file = File::create(&path)
            .await
            .map_err(failed_file("create", &path))?;
        let incoming = Incoming {
            store: self.clone(),
            path: Unowned(path),
            file,
        };
        Ok(Upload::into_file(incoming, bytes_max))
    }

    pub(crate) async fn open_module(&self, digest: &Digest) -> Result<ModuleBytes, Error> {
        let path = self.module_path(digest)?;
        let file = File::open(&path)
            .await
            .map_err(failed_file("open", &path))?;
        Ok(ModuleBytes::of_file(Outgoing { path, file }))
    }

    /// A crash between the row and the file leaves a file that nobody owns, which the next upload of
    /// the same bytes replaces.
    pub(crate) async fn remove_module(
        &self,
        tenant: &TenantId,
        digest: &Digest,
    ) -> Result<bool, Error> {
        let query = module::remove(tenant, digest);
        if read::execute(&self.writer, query, "remove a module").await? == 0 {
            return Ok(false);
        }
        self.remove_bytes(digest).await?;
        Ok(true)
    }

    /// Holds the write lock meanwhile, so that no upload makes somebody an owner in between.
    async fn remove_bytes(&self, digest: &Digest) -> Result<(), Error> {
        let path = self.module_path(digest)?;
        let mut transaction = self.begin().await?;
        let query = module::owners(digest);
        let owner =
            read::fetch_optional(&mut *transaction, query, "look for owners of a module").await?;
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
