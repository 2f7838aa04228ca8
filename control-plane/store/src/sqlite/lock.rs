//! One process per data directory: the lock that stands for the lease (rule R8).

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use crate::Error;

const FILE_NAME: &str = "insula.lock";

/// Takes the directory's lock and leaves this process' number in the file, for whoever is refused.
///
/// The lock is gone with the file that is returned, and with the process, however it ends.
///
/// # Errors
/// [`Error::InUse`] if another process, or another store of this one, holds it.
pub(super) fn acquire(directory: &Path) -> Result<File, Error> {
    let path = directory.join(FILE_NAME);
    let failed = |action, source| Error::File {
        action,
        path: path.clone(),
        source,
    };
    let mut file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(&path)
        .map_err(|error| failed("open the lock file", error))?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            return Err(Error::InUse {
                directory: directory.to_owned(),
                pid: holder(&mut file),
            });
        }
        Err(TryLockError::Error(error)) => return Err(failed("lock", error)),
    }
    leave_pid(&mut file).map_err(|error| failed("write to the lock file", error))?;
    Ok(file)
}

fn holder(file: &mut File) -> Option<u32> {
    let mut text = String::new();
    file.take(16).read_to_string(&mut text).ok()?;
    text.trim().parse().ok()
}

fn leave_pid(file: &mut File) -> std::io::Result<()> {
    file.set_len(0)?;
    file.rewind()?;
    writeln!(file, "{}", std::process::id())
}
