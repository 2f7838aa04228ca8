use std::fs;
use std::time::Duration;

use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike;

/// What this process has used.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Usage {
    /// Processor time of all threads, in user and kernel mode.
    pub(crate) cpu: Duration,
    /// Resident memory in bytes.
    pub(crate) resident_bytes: u64,
}

/// Measures this process. What the kernel does not tell counts as nothing: the callers use this to
/// say in time what resource limits would otherwise say with a signal.
pub(crate) fn usage() -> Usage {
    let cpu = getrusage(UsageWho::RUSAGE_SELF)
        .map(|usage| usage.user_time().num_microseconds() + usage.system_time().num_microseconds())
        .unwrap_or_default();
    Usage {
        cpu: Duration::from_micros(cpu.unsigned_abs()),
        resident_bytes: resident_bytes().unwrap_or_default(),
    }
}

/// `VmRSS` of `/proc/self/status`, which is in kibibytes.
///
/// Source: proc_pid_status(5).
fn resident_bytes() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes * 1024)
}

#[cfg(test)]
mod tests {
    use super::usage;

    #[test]
    fn a_running_process_uses_something() {
        assert!(usage().resident_bytes > 100_000);
    }
}
