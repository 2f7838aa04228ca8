//! What every cgroup v2 group offers without any controller: kill, freeze, population.

use std::path::Path;

use super::{Error, file};
use crate::process;

/// Stops or continues every process of the group.
pub(super) fn set_frozen(dir: &Path, frozen: bool) -> Result<(), Error> {
    file::write(&dir.join("cgroup.freeze"), if frozen { "1" } else { "0" })
}

/// Sends `SIGKILL` to every process of the group and below it.
///
/// `cgroup.kill` (Linux 5.14) does it at once, frozen or not, and no fork escapes it. Older kernels get one round
/// of freeze, signal each, thaw, which the caller repeats until the group is empty.
pub(super) fn kill(dir: &Path) -> Result<(), Error> {
    if file::write_if_present(&dir.join("cgroup.kill"), "1")? {
        return Ok(());
    }
    set_frozen(dir, true)?;
    let signalled = signal_each(dir);
    set_frozen(dir, false)?;
    signalled
}

fn signal_each(dir: &Path) -> Result<(), Error> {
    for pid in file::read_procs(&dir.join("cgroup.procs"))? {
        process::kill(pid);
    }
    for name in file::subdirectories(dir)? {
        signal_each(&dir.join(name))?;
    }
    Ok(())
}

/// Whether a living process is in the group or below it; zombies do not count.
pub(super) fn is_populated(dir: &Path) -> Result<bool, Error> {
    let path = dir.join("cgroup.events");
    match file::read(&path) {
        Ok(text) => Ok(text.lines().any(|line| line == "populated 1")),
        Err(Error::File { source, .. }) if file::is_gone(&source) => Ok(false),
        Err(error) => Err(error),
    }
}
