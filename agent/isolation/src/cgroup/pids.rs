//! The `pids` controller; the same files on v1 and v2.

use std::path::Path;

use super::{Error, file};

/// Lets the group hold at most `processes` processes and threads.
pub(super) fn limit(dir: &Path, processes: u64) -> Result<(), Error> {
    file::write(&dir.join("pids.max"), &processes.to_string())
}

/// How often a fork failed because of the limit.
pub(super) fn refusals(dir: &Path) -> Option<u64> {
    file::read_key(&dir.join("pids.events"), "max")
}
