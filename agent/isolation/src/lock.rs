//! A lock file: one process at a time owns a directory.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::path::{Path, PathBuf};

/// Why a directory could not be locked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Another process holds the lock.
    #[error("{path} is locked by process {holder}; stop it first, or use another directory")]
    Held {
        /// The lock file.
        path: PathBuf,
        /// What the holder wrote into the file: its process id, or `unknown`.
        holder: String,
    },
    /// The lock file cannot be opened or written.
    #[error("cannot lock {path}")]
    File {
        /// The lock file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
}

/// An exclusive lock, held until the value is dropped or the process ends, however it ends.
///
/// The file itself stays: removing it would let two processes lock two files of the same name.
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

impl Lock {
    /// Takes the lock at `path` without waiting, creating the file when it is absent.
    ///
    /// # Errors
    /// [`Error::Held`] if another process has it, [`Error::File`] if the file cannot be opened, locked or written.
    pub fn acquire(path: &Path) -> Result<Lock, Error> {
        let failed = |source| Error::File {
            path: path.to_owned(),
            source,
        };
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(path)
            .map_err(failed)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(Error::Held {
                    path: path.to_owned(),
                    holder: holder(&mut file),
                });
            }
            Err(TryLockError::Error(source)) => return Err(failed(source)),
        }
        file.set_len(0).map_err(failed)?;
        file.rewind().map_err(failed)?;
        writeln!(file, "{}", std::process::id()).map_err(failed)?;
        Ok(Lock { _file: file })
    }
}

/// Who wrote the file; only for the message, so whatever is not a number is `unknown`.
fn holder(file: &mut File) -> String {
    let mut text = String::new();
    let read = file.take(32).read_to_string(&mut text);
    match (read, text.trim().parse::<u32>()) {
        (Ok(_), Ok(pid)) => pid.to_string(),
        _ => "unknown".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::{Error, Lock};

    #[test]
    fn the_second_taker_is_told_who_holds_it() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("lock");
        let held = Lock::acquire(&path).unwrap();
        let error = Lock::acquire(&path).unwrap_err();
        assert!(
            matches!(&error, Error::Held { holder, .. } if *holder == std::process::id().to_string())
        );
        drop(held);
        Lock::acquire(&path).unwrap();
    }

    #[test]
    fn a_directory_that_is_absent_is_named() {
        let error = Lock::acquire("/nonexistent/lock".as_ref()).unwrap_err();
        assert_eq!(error.to_string(), "cannot lock /nonexistent/lock");
    }
}
