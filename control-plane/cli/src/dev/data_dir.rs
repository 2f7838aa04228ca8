//! Where everything is kept.

use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::Args;
use crate::exit::Failure;

/// A directory that stays, or one that goes with the process.
pub(super) enum DataDir {
    Kept(PathBuf),
    Temporary(TempDir),
}

impl DataDir {
    /// The directory that was named, a temporary one for a demo, else one below the state directory
    /// of the XDG base directory specification.
    pub(super) fn choose(args: &Args) -> Result<Self, Failure> {
        if let Some(directory) = &args.data_dir {
            return Ok(Self::Kept(directory.clone()));
        }
        if args.demo {
            let directory = tempfile::Builder::new().prefix("insula-demo-").tempdir();
            return directory.map(Self::Temporary).map_err(|error| {
                Failure::new(format!("cannot make a temporary directory: {error}"))
            });
        }
        let state = absolute("XDG_STATE_HOME")
            .or_else(|| absolute("HOME").map(|home| home.join(".local/state")));
        state
            .map(|state| Self::Kept(state.join("insula")))
            .ok_or_else(|| {
                Failure::new("neither XDG_STATE_HOME nor HOME names a directory")
                    .hint("say where to keep everything with --data-dir DIR")
            })
    }

    pub(super) fn path(&self) -> &Path {
        match self {
            Self::Kept(path) => path,
            Self::Temporary(directory) => directory.path(),
        }
    }
}

/// The specification asks to ignore relative paths.
fn absolute(variable: &str) -> Option<PathBuf> {
    std::env::var_os(variable)
        .map(PathBuf::from)
        .filter(|path| path.is_absolute())
}
