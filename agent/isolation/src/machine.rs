//! What this machine has: processors, memory, disk, names.

use std::fs;
use std::io;
use std::path::Path;

use crate::cgroup;

/// What tasks on this machine can share.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Resources {
    /// Thousandths of a processor: the online processors this process may use, less where a cgroup quota is lower.
    pub cpu_millis: u64,
    /// Bytes: the machine's memory, or the lowest limit of the cgroups this process is in.
    pub mem_bytes: u64,
}

/// Why a fact about the machine could not be read.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file of the kernel could not be read.
    #[error("cannot read {what}")]
    Read {
        /// The file or call.
        what: String,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// `/proc/meminfo` has no total.
    #[error("/proc/meminfo has no line MemTotal")]
    NoMemoryTotal,
}

/// What this process may use of the machine.
///
/// # Errors
/// [`Error`] if the processors or `/proc/meminfo` cannot be read.
pub fn resources() -> Result<Resources, Error> {
    // The standard library already honours the affinity mask and the quotas of cgroup v1 and v2.
    let cpus = std::thread::available_parallelism().map_err(|source| Error::Read {
        what: "the number of processors".to_owned(),
        source,
    })?;
    let total = memory_total(&read("/proc/meminfo")?).ok_or(Error::NoMemoryTotal)?;
    Ok(Resources {
        cpu_millis: cpus.get() as u64 * 1000,
        mem_bytes: cgroup::own_memory_limit().map_or(total, |limit| limit.min(total)),
    })
}

/// Bytes that an unprivileged process may still write below `dir`.
///
/// # Errors
/// [`Error::Read`] if the file system of `dir` cannot be asked.
pub fn disk_free(dir: &Path) -> Result<u64, Error> {
    let stat = nix::sys::statvfs::statvfs(dir).map_err(|errno| Error::Read {
        what: format!("the free space of {}", dir.display()),
        source: errno.into(),
    })?;
    Ok(stat.blocks_available() * stat.fragment_size())
}

/// The machine's name, as the kernel has it.
///
/// # Errors
/// [`Error::Read`] if `/proc` is not mounted.
pub fn hostname() -> Result<String, Error> {
    read("/proc/sys/kernel/hostname").map(|name| name.trim().to_owned())
}

/// The kernel's release, such as `6.1.0-21-amd64`.
///
/// # Errors
/// [`Error::Read`] if `/proc` is not mounted.
pub fn kernel_release() -> Result<String, Error> {
    read("/proc/sys/kernel/osrelease").map(|release| release.trim().to_owned())
}

fn read(path: &str) -> Result<String, Error> {
    fs::read_to_string(path).map_err(|source| Error::Read {
        what: path.to_owned(),
        source,
    })
}

fn memory_total(meminfo: &str) -> Option<u64> {
    let line = meminfo
        .lines()
        .find_map(|line| line.strip_prefix("MemTotal:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kibibytes.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::{disk_free, hostname, kernel_release, memory_total, resources};

    #[test]
    fn meminfo_is_in_kibibytes() {
        assert_eq!(
            memory_total("MemTotal:       24689620 kB\nMemFree: 1 kB\n"),
            Some(24_689_620 * 1024)
        );
        assert_eq!(memory_total("MemFree: 1 kB\n"), None);
        assert_eq!(memory_total("MemTotal: 18446744073709551615 kB\n"), None);
    }

    #[test]
    fn this_machine_has_something_of_everything() {
        let resources = resources().unwrap();
        assert!(resources.cpu_millis >= 1000);
        assert!(resources.mem_bytes > 64 << 20);
        assert!(disk_free("/".as_ref()).is_ok());
        assert!(disk_free("/nonexistent".as_ref()).is_err());
        assert!(!hostname().unwrap().contains('\n'));
        assert!(
            kernel_release()
                .unwrap()
                .starts_with(|c: char| c.is_ascii_digit())
        );
    }
}
