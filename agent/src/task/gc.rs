//! Old sandboxes go.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use insula_types::LaunchId;

/// How many sandboxes of forgotten tasks are kept.
const KEPT_MAX: usize = 1_000;
/// And for how long (Mesos: a week).
const KEPT_FOR: Duration = Duration::from_secs(7 * 24 * 3600);

/// Removes the sandboxes in `dir` of launches that are not `held`, if they are old or too many.
///
/// # Errors
/// If the directory cannot be read; a sandbox that cannot be removed is tried again next time.
pub(crate) fn collect(dir: &Path, held: &BTreeSet<LaunchId>, now: SystemTime) -> io::Result<usize> {
    let mut forgotten = forgotten(dir, held)?;
    // The newest first.
    forgotten.sort_by(|(left, _), (right, _)| right.cmp(left));
    let is_old =
        |changed: &SystemTime| now.duration_since(*changed).is_ok_and(|age| age > KEPT_FOR);
    let mut removed = 0;
    for (index, (changed, path)) in forgotten.iter().enumerate() {
        if (index >= KEPT_MAX || is_old(changed)) && fs::remove_dir_all(path).is_ok() {
            removed += 1;
        }
    }
    Ok(removed)
}

fn forgotten(dir: &Path, held: &BTreeSet<LaunchId>) -> io::Result<Vec<(SystemTime, PathBuf)>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        let launch = entry
            .file_name()
            .to_str()
            .and_then(|name| name.parse::<LaunchId>().ok());
        // What is not named as a launch is not ours to remove.
        if launch.is_some_and(|launch| !held.contains(&launch)) {
            found.push((entry.metadata()?.modified()?, entry.path()));
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use insula_types::Epoch;

    #[test]
    fn only_old_sandboxes_of_forgotten_tasks_go() {
        let dir = tempfile::tempdir().unwrap();
        let launch = |number| LaunchId {
            epoch: Epoch(1),
            number,
        };
        for name in ["1.1", "1.2", "somebody's"] {
            fs::create_dir(dir.path().join(name)).unwrap();
            fs::write(dir.path().join(name).join("stdout"), "x").unwrap();
        }
        let held = BTreeSet::from([launch(1)]);
        let now = SystemTime::now();
        assert_eq!(collect(dir.path(), &held, now).unwrap(), 0);
        let later = now + KEPT_FOR + Duration::from_secs(60);
        assert_eq!(collect(dir.path(), &held, later).unwrap(), 1);
        assert!(dir.path().join("1.1").exists());
        assert!(!dir.path().join("1.2").exists());
        assert!(dir.path().join("somebody's").exists());
    }

    #[test]
    fn the_newest_are_kept() {
        let dir = tempfile::tempdir().unwrap();
        for number in 0..KEPT_MAX + 3 {
            fs::create_dir(dir.path().join(format!("1.{number}"))).unwrap();
        }
        let removed = collect(dir.path(), &BTreeSet::new(), SystemTime::now()).unwrap();
        assert_eq!(removed, 3);
    }
}
