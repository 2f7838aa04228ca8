//! The agent's directory: what lies where.

use std::fs::{self, DirBuilder, File, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use insula_types::LaunchId;

use crate::Error;

/// The file of what makes the machine an agent.
pub(crate) const IDENTITY: &str = "identity.json";

/// The work directory. It belongs to one agent at a time (`agent.lock`) and to its user alone.
#[derive(Debug, Clone)]
pub(crate) struct WorkDir {
    root: PathBuf,
}

impl WorkDir {
    /// Makes the directory, or takes it as it is.
    pub(crate) fn open(root: &Path) -> Result<Self, Error> {
        let made = DirBuilder::new().recursive(true).mode(0o700).create(root);
        made.map_err(|source| Error::file("create the work directory", root, source))?;
        let root = fs::canonicalize(root)
            .map_err(|source| Error::file("find the work directory", root, source))?;
        let dir = Self { root };
        for part in [dir.sandboxes(), dir.modules(), dir.artifacts(), dir.wasm()] {
            let made = DirBuilder::new().recursive(true).mode(0o711).create(&part);
            made.map_err(|source| Error::file("create", part, source))?;
        }
        // Tasks of other users must reach their sandboxes through it; what is secret in it is
        // readable to this user only.
        fs::set_permissions(&dir.root, Permissions::from_mode(0o711))
            .map_err(|source| Error::file("open the way through", &dir.root, source))?;
        Ok(dir)
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    pub(crate) fn lock(&self) -> PathBuf {
        self.root.join("agent.lock")
    }

    pub(crate) fn identity(&self) -> PathBuf {
        self.root.join(IDENTITY)
    }

    /// What the machine joins with, until it has its identity.
    pub(crate) fn joining(&self) -> PathBuf {
        self.root.join("joining.json")
    }

    pub(crate) fn journal(&self) -> PathBuf {
        self.root.join("journal")
    }

    pub(crate) fn shepherd(&self) -> PathBuf {
        self.root.join("shepherd")
    }

    pub(crate) fn sandboxes(&self) -> PathBuf {
        self.root.join("sandboxes")
    }

    pub(crate) fn sandbox(&self, launch: LaunchId) -> PathBuf {
        self.sandboxes().join(launch.to_string())
    }

    /// Modules as they were fetched.
    pub(crate) fn modules(&self) -> PathBuf {
        self.root.join("modules")
    }

    /// What the compiler made of them.
    pub(crate) fn artifacts(&self) -> PathBuf {
        self.root.join("artifacts")
    }

    /// The wasm executors' socket and logs.
    pub(crate) fn wasm(&self) -> PathBuf {
        self.root.join("wasm")
    }
}

/// Replaces the file at `path` as a whole, readable to this user only; durable on return.
pub(crate) fn replace_file(path: &Path, content: &[u8]) -> io::Result<()> {
    let new = path.with_extension("new");
    let mut file = File::options()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&new)?;
    file.write_all(content)?;
    file.sync_all()?;
    fs::rename(&new, path)?;
    sync_parent(path)
}

/// Makes the names in the directory of `path` durable.
pub(crate) fn sync_parent(path: &Path) -> io::Result<()> {
    match path.parent() {
        Some(parent) => File::open(parent)?.sync_all(),
        None => Ok(()),
    }
}
