//! A task's directory.

use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::{DirBuilderExt, chown};
use std::path::{Path, PathBuf};

use insula_isolation::fifo;
use insula_isolation::spawn::Owner;

use crate::error::sentence;

/// The directory of one launch. It stays after the task, for whoever reads its output, until the
/// garbage collector takes it.
#[derive(Debug)]
pub(crate) struct Sandbox {
    path: PathBuf,
}

impl Sandbox {
    /// Makes the directory for a task of `user`; of the agent's own user if empty.
    ///
    /// # Errors
    /// A sentence.
    pub(crate) fn create(path: PathBuf, user: &str) -> Result<Self, String> {
        let failed = |error: &dyn std::error::Error| {
            format!(
                "the sandbox {} cannot be made: {}",
                path.display(),
                sentence(error)
            )
        };
        let owner = match user {
            "" => None,
            name => Owner::named(name).map_err(|error| failed(&error))?,
        };
        match DirBuilder::new().mode(0o750).create(&path) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
                return Err(failed(&error));
            }
            _ => {}
        }
        if let Some(Owner { uid, gid }) = owner {
            chown(&path, Some(uid), Some(gid)).map_err(|error| match error.kind() {
                io::ErrorKind::PermissionDenied => format!(
                    "the agent is not root and can run tasks only as its own user, not as '{user}'"
                ),
                _ => failed(&error),
            })?;
        }
        Ok(Self { path })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn stdout(&self) -> PathBuf {
        self.path.join("stdout")
    }

    pub(crate) fn stderr(&self) -> PathBuf {
        self.path.join("stderr")
    }

    /// Makes the FIFO through which input comes.
    ///
    /// # Errors
    /// A sentence.
    pub(crate) fn stdin(&self) -> Result<PathBuf, String> {
        let path = self.path.join("stdin");
        let _absent = fs::remove_file(&path);
        match fifo::make(&path) {
            Ok(()) => Ok(path),
            Err(error) => Err(format!(
                "the FIFO {} cannot be made: {error}",
                path.display()
            )),
        }
    }
}
