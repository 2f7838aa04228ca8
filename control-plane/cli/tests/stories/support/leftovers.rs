//! What a test must not leave behind.

use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// Processes of this machine that were started for a directory: their command line or environment
/// names it.
pub(super) fn processes(of: &Path) -> Vec<u32> {
    let needle = of.as_os_str().as_bytes();
    let all = fs::read_dir("/proc").unwrap().flatten();
    let pids = all.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    pids.filter(|pid| *pid != std::process::id())
        .filter(|pid| names(*pid, needle))
        .collect()
}

fn names(pid: u32, needle: &[u8]) -> bool {
    ["cmdline", "environ"].iter().any(|file| {
        // A process that has just ended has neither.
        let text = fs::read(format!("/proc/{pid}/{file}")).unwrap_or_default();
        text.windows(needle.len()).any(|window| window == needle)
    })
}

/// Control groups of an agent, in whatever hierarchies this machine has.
pub(super) fn groups(agent: &str) -> Vec<PathBuf> {
    let root = Path::new("/sys/fs/cgroup");
    let hierarchies = fs::read_dir(root).into_iter().flatten().flatten();
    let hierarchies = hierarchies.map(|entry| entry.path());
    std::iter::once(root.to_owned())
        .chain(hierarchies)
        .map(|hierarchy| hierarchy.join(format!("insula/agent-{agent}")))
        .filter(|group| group.exists())
        .collect()
}
