//! The v1 `freezer`: membership and killing on machines where cgroup v2 is not mounted.

use std::path::Path;

use super::{Error, file};
use crate::process;

/// Stops or continues every process of the group.
pub(super) fn set_frozen(dir: &Path, frozen: bool) -> Result<(), Error> {
    file::write(
        &dir.join("freezer.state"),
        if frozen { "FROZEN" } else { "THAWED" },
    )
}

/// Sends `SIGKILL` to every process of the group and of the groups below it. One round: the caller repeats it until
/// the group is empty, since a fork that was under way may have escaped it.
///
/// Frozen processes cannot fork, so what the list shows is what there is; the signal takes effect only when they
/// are thawed.
pub(super) fn kill(dir: &Path) -> Result<(), Error> {
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

/// Whether a process lives in the group or below it.
pub(super) fn is_populated(dir: &Path) -> Result<bool, Error> {
    if !file::read_procs(&dir.join("cgroup.procs"))?.is_empty() {
        return Ok(true);
    }
    for name in file::subdirectories(dir)? {
        if is_populated(&dir.join(name))? {
            return Ok(true);
        }
    }
    Ok(false)
}
