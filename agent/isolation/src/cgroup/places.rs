//! Where a group's parts are: the same shape for what the machine offers, a parent, and one task's group.

use std::path::{Path, PathBuf};

/// The hierarchy that says which processes are in a group, and kills them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Tracker {
    Unified(PathBuf),
    Freezer(PathBuf),
}

impl Tracker {
    pub(super) fn dir(&self) -> &Path {
        match self {
            Tracker::Unified(dir) | Tracker::Freezer(dir) => dir,
        }
    }

    fn join(&self, name: &str) -> Tracker {
        match self {
            Tracker::Unified(dir) => Tracker::Unified(dir.join(name)),
            Tracker::Freezer(dir) => Tracker::Freezer(dir.join(name)),
        }
    }
}

/// Where one controller's files are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Controller {
    /// In the tracker's directory, which is then on cgroup v2.
    Unified,
    /// In a directory of its own v1 hierarchy.
    V1(PathBuf),
    /// Nowhere that may be used.
    Absent,
}

impl Controller {
    pub(super) fn v1_dir(&self) -> Option<&Path> {
        match self {
            Controller::V1(dir) => Some(dir),
            Controller::Unified | Controller::Absent => None,
        }
    }

    fn join(&self, name: &str) -> Controller {
        match self {
            Controller::V1(dir) => Controller::V1(dir.join(name)),
            other => other.clone(),
        }
    }
}

/// The directories of one group in every hierarchy that is used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Places {
    pub(super) tracker: Tracker,
    pub(super) cpu: Controller,
    pub(super) memory: Controller,
    pub(super) pids: Controller,
    /// v1's processor accounting, used only where cgroup v2 does not count.
    pub(super) cpuacct: Option<PathBuf>,
}

impl Places {
    pub(super) fn join(&self, name: &str) -> Places {
        Places {
            tracker: self.tracker.join(name),
            cpu: self.cpu.join(name),
            memory: self.memory.join(name),
            pids: self.pids.join(name),
            cpuacct: self.cpuacct.as_ref().map(|dir| dir.join(name)),
        }
    }

    /// Every directory once, the tracker first. Two controllers of one v1 hierarchy share a directory.
    pub(super) fn dirs(&self) -> Vec<&Path> {
        let mut dirs = vec![self.tracker.dir()];
        let v1 = [
            self.cpu.v1_dir(),
            self.memory.v1_dir(),
            self.pids.v1_dir(),
            self.cpuacct.as_deref(),
        ];
        for dir in v1.into_iter().flatten() {
            if !dirs.contains(&dir) {
                dirs.push(dir);
            }
        }
        dirs
    }
}
