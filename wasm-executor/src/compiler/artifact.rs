//! Artifacts on disk. A name appears in the cache only when its content is complete and durable:
//! loading half an artifact would be running arbitrary code.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

/// Read by the executors, written by nobody.
const MODE: u32 = 0o444;

/// The cache could not be written or read.
#[derive(Debug, thiserror::Error)]
#[error("cannot {operation} {}", path.display())]
pub struct StoreError {
    operation: &'static str,
    path: PathBuf,
    #[source]
    source: io::Error,
}

/// The name of the artifact of the module with this digest, made by the engine with this key.
pub(super) fn file_name(digest: &str, key: &str) -> String {
    format!("{digest}-{key}.cwasm")
}

/// Length of a file in bytes.
///
/// # Errors
/// When it is not there.
pub(super) fn length(path: &Path) -> Result<u64, StoreError> {
    fs::metadata(path)
        .map(|metadata| metadata.len())
        .map_err(failed("find", path))
}

/// A complete artifact under a name of its own, which goes away unless it is published.
pub(super) struct Draft<'a> {
    target: &'a Path,
    path: PathBuf,
}

impl<'a> Draft<'a> {
    /// Writes and syncs `code` beside `target`.
    ///
    /// # Errors
    /// When the folder cannot be written.
    pub(super) fn write(target: &'a Path, code: &[u8]) -> Result<Self, StoreError> {
        // Two compilers may work on one module; the process id keeps their drafts apart.
        let path = target.with_extension(format!("{}.draft", std::process::id()));
        // A process that was killed here before, under the same id, may have left one.
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(failed("replace", &path)(error));
            }
            _ => {}
        }
        let draft = Self { target, path };
        draft.fill(code).map_err(failed("write", &draft.path))?;
        Ok(draft)
    }

    fn fill(&self, code: &[u8]) -> io::Result<()> {
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(MODE)
            .open(&self.path)?;
        file.write_all(code)?;
        file.sync_all()
    }

    /// Where it is now.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Gives it its name in the cache, durably.
    ///
    /// # Errors
    /// When the folder cannot be written.
    pub(super) fn publish(self) -> Result<(), StoreError> {
        fs::rename(&self.path, self.target).map_err(failed("name", self.target))?;
        let folder = self.target.parent().unwrap_or(Path::new("."));
        File::open(folder)
            .and_then(|folder| folder.sync_all())
            .map_err(failed("sync", folder))
    }
}

impl Drop for Draft<'_> {
    fn drop(&mut self) {
        // After publication there is nothing under this name; before, nobody needs it.
        let _ = fs::remove_file(&self.path);
    }
}

fn failed(operation: &'static str, path: &Path) -> impl FnOnce(io::Error) -> StoreError {
    move |source| StoreError {
        operation,
        path: path.to_owned(),
        source,
    }
}
