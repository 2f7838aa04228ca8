//! The `cpu` controller (and `cpuacct`, its accounting half on v1).

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::{Error, file};

/// The period in which a quota is counted: the kernel's default, and long enough that a task of a tenth of a
/// processor still runs 10 ms at a time.
const PERIOD_US: u64 = 100_000;
/// The kernel refuses smaller quotas.
const QUOTA_US_MIN: u64 = 1_000;

/// How much processor time a group gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CpuLimit {
    /// Thousandths of a processor asked for: the group's weight against its siblings when all want to run.
    pub request_millis: u64,
    /// Thousandths of a processor the group cannot exceed even on an idle machine; `None` leaves it free.
    pub quota_millis: Option<u64>,
}

impl CpuLimit {
    /// cgroup v2: 100 is the weight of a group nobody configured, so one processor weighs as much as such a group.
    fn weight(self) -> u64 {
        (self.request_millis / 10).clamp(1, 10_000)
    }

    /// cgroup v1: 1024 is the default there, with the same reasoning.
    fn shares(self) -> u64 {
        self.request_millis
            .min(256_000)
            .saturating_mul(1024)
            .div_euclid(1000)
            .clamp(2, 262_144)
    }

    fn quota_us(self) -> Option<u64> {
        self.quota_millis
            .map(|millis| (millis.saturating_mul(PERIOD_US) / 1000).max(QUOTA_US_MIN))
    }
}

pub(super) fn limit_v2(dir: &Path, limit: CpuLimit) -> Result<(), Error> {
    file::write(&dir.join("cpu.weight"), &limit.weight().to_string())?;
    match limit.quota_us() {
        Some(quota) => file::write(&dir.join("cpu.max"), &format!("{quota} {PERIOD_US}")),
        None => Ok(()),
    }
}

pub(super) fn limit_v1(dir: &Path, limit: CpuLimit) -> Result<(), Error> {
    file::write(&dir.join("cpu.shares"), &limit.shares().to_string())?;
    let Some(quota) = limit.quota_us() else {
        return Ok(());
    };
    file::write(&dir.join("cpu.cfs_period_us"), &PERIOD_US.to_string())?;
    file::write(&dir.join("cpu.cfs_quota_us"), &quota.to_string())
}

/// Microseconds of processor time used so far. cgroup v2 counts them in every group, with or without the controller.
pub(super) fn usage_us_v2(dir: &Path) -> Option<u64> {
    file::read_key(&dir.join("cpu.stat"), "usage_usec")
}

/// The same from `cpuacct`, which counts nanoseconds.
pub(super) fn usage_us_v1(dir: &Path) -> Option<u64> {
    file::read_number(&dir.join("cpuacct.usage")).map(|nanos| nanos / 1000)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::CpuLimit;

    #[test]
    fn weights_and_quotas_stay_within_what_the_kernel_takes() {
        let limit = |request_millis, quota_millis| CpuLimit {
            request_millis,
            quota_millis,
        };
        assert_eq!(
            (limit(1000, None).weight(), limit(1000, None).shares()),
            (100, 1024)
        );
        assert_eq!((limit(0, None).weight(), limit(0, None).shares()), (1, 2));
        assert_eq!(
            (
                limit(u64::MAX, None).weight(),
                limit(u64::MAX, None).shares()
            ),
            (10_000, 262_144)
        );
        assert_eq!(limit(1, Some(1500)).quota_us(), Some(150_000));
        assert_eq!(limit(1, Some(1)).quota_us(), Some(1_000));
        assert_eq!(limit(1, None).quota_us(), None);
    }

    #[test]
    fn the_values_go_to_the_kernels_files() {
        let dir = tempfile::tempdir().unwrap();
        for name in [
            "cpu.weight",
            "cpu.max",
            "cpu.shares",
            "cpu.cfs_period_us",
            "cpu.cfs_quota_us",
        ] {
            std::fs::write(dir.path().join(name), "").unwrap();
        }
        let limit = CpuLimit {
            request_millis: 500,
            quota_millis: Some(250),
        };
        super::limit_v2(dir.path(), limit).unwrap();
        super::limit_v1(dir.path(), limit).unwrap();
        let read = |name: &str| std::fs::read_to_string(dir.path().join(name)).unwrap();
        assert_eq!(
            (read("cpu.weight"), read("cpu.max")),
            ("50".to_owned(), "25000 100000".to_owned())
        );
        assert_eq!(
            (read("cpu.shares"), read("cpu.cfs_quota_us")),
            ("512".to_owned(), "25000".to_owned())
        );
    }
}
