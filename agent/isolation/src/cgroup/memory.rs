//! The `memory` controller.

use std::path::Path;

use super::layout::Layout;
use super::{Error, file};

/// Limits the group to `bytes`, and lets the kernel kill all of it, not one process of it, when it needs more.
pub(super) fn limit_v2(dir: &Path, bytes: u64) -> Result<(), Error> {
    file::write(&dir.join("memory.max"), &bytes.to_string())?;
    file::write_if_present(&dir.join("memory.oom.group"), "1")?;
    // Without this a task over its limit would push the machine into swapping instead of being stopped. The file is
    // absent where the kernel does not account swap.
    file::write_if_present(&dir.join("memory.swap.max"), "0")?;
    Ok(())
}

/// cgroup v1 has no group kill; the rest of the tree is killed when the main process ends.
pub(super) fn limit_v1(dir: &Path, bytes: u64) -> Result<(), Error> {
    file::write(&dir.join("memory.limit_in_bytes"), &bytes.to_string())?;
    // Memory and swap together: equal to the memory limit means no swap. It cannot be lower, so it comes second.
    file::write_if_present(&dir.join("memory.memsw.limit_in_bytes"), &bytes.to_string())?;
    Ok(())
}

/// How many processes the kernel killed here for want of memory.
pub(super) fn oom_kills_v2(dir: &Path) -> Option<u64> {
    file::read_key(&dir.join("memory.events"), "oom_kill")
}

pub(super) fn oom_kills_v1(dir: &Path) -> Option<u64> {
    file::read_key(&dir.join("memory.oom_control"), "oom_kill")
}

/// The most bytes ever held at once; from Linux 5.19 on v2.
pub(super) fn peak_bytes_v2(dir: &Path) -> Option<u64> {
    file::read_number(&dir.join("memory.peak"))
}

pub(super) fn peak_bytes_v1(dir: &Path) -> Option<u64> {
    file::read_number(&dir.join("memory.max_usage_in_bytes"))
}

pub(super) fn current_bytes_v2(dir: &Path) -> Option<u64> {
    file::read_number(&dir.join("memory.current"))
}

pub(super) fn current_bytes_v1(dir: &Path) -> Option<u64> {
    file::read_number(&dir.join("memory.usage_in_bytes"))
}

/// The lowest memory limit of the groups that this process is in, in bytes; `None` when none has one.
///
/// It only reads. The limit of a container counts here as much as one set on the machine.
pub fn own_limit() -> Option<u64> {
    let layout = Layout::read().ok()?;
    let v1 = layout
        .v1
        .get("memory")
        .and_then(|hierarchy| lowest(&hierarchy.own, &hierarchy.mount, "memory.limit_in_bytes"));
    let v2 = layout
        .unified
        .and_then(|hierarchy| lowest(&hierarchy.own, &hierarchy.mount, "memory.max"));
    v1.into_iter().chain(v2).min()
}

fn lowest(own: &Path, mount: &Path, name: &str) -> Option<u64> {
    let groups = own.ancestors().take_while(|dir| dir.starts_with(mount));
    groups
        .filter_map(|dir| file::read_number(&dir.join(name)))
        .min()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::fs;

    #[test]
    fn v1_limits_memory_before_memory_and_swap() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("memory.limit_in_bytes"), "").unwrap();
        super::limit_v1(dir.path(), 4096).unwrap();
        assert_eq!(
            fs::read_to_string(dir.path().join("memory.limit_in_bytes")).unwrap(),
            "4096"
        );
        assert!(!dir.path().join("memory.memsw.limit_in_bytes").exists());
    }

    #[test]
    fn v2_kills_the_whole_group_and_forbids_swap() {
        let dir = tempfile::tempdir().unwrap();
        for name in ["memory.max", "memory.oom.group", "memory.swap.max"] {
            fs::write(dir.path().join(name), "").unwrap();
        }
        super::limit_v2(dir.path(), 4096).unwrap();
        let read = |name: &str| fs::read_to_string(dir.path().join(name)).unwrap();
        assert_eq!(
            (
                read("memory.max"),
                read("memory.oom.group"),
                read("memory.swap.max")
            ),
            ("4096".to_owned(), "1".to_owned(), "0".to_owned())
        );
    }

    #[test]
    fn the_lowest_limit_on_the_way_up_counts() {
        let root = tempfile::tempdir().unwrap();
        let own = root.path().join("a/b");
        fs::create_dir_all(&own).unwrap();
        fs::write(root.path().join("a/memory.max"), "1000\n").unwrap();
        fs::write(own.join("memory.max"), "max\n").unwrap();
        assert_eq!(super::lowest(&own, root.path(), "memory.max"), Some(1000));
    }
}
