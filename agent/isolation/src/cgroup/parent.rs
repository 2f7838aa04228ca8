use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::file;
use super::group::{Group, Limits};
use super::places::{Controller, Places, Tracker};
use super::plan::{Base, Enforcement, Plan};
use super::{Error, GroupName, GroupPath};

/// Where this process goes when its own group must become a parent: on v2 a group cannot hold both processes and
/// groups with limits.
pub(super) const OWN_LEAF: &str = "insula-daemons";
/// Another agent may remove `insula` between our creating it and our creating what is below it.
const CREATE_ATTEMPTS: usize = 5;

/// The group below which one agent's tasks have theirs.
#[derive(Debug)]
pub struct Parent {
    base: Base,
    path: GroupPath,
    places: Places,
}

impl Parent {
    /// Creates the groups of `path` in every hierarchy of `plan` (those that exist are kept) and shares the
    /// controllers out to them.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if the plan has no groups, [`Error::File`] if the kernel refuses.
    pub fn open(plan: &Plan, path: &GroupPath) -> Result<Parent, Error> {
        let base = match (&plan.base, &plan.grouping) {
            (Some(base), _) => base.clone(),
            (None, Enforcement::NotEnforced { because }) => {
                return Err(Error::Unavailable {
                    because: because.clone(),
                });
            }
            (None, Enforcement::Enforced) => {
                return Err(Error::Unavailable {
                    because: "the plan names no place for them".to_owned(),
                });
            }
        };
        let mut attempt = 1;
        loop {
            match create_path(&base, path) {
                Ok(places) => {
                    return Ok(Parent {
                        base,
                        path: path.clone(),
                        places,
                    });
                }
                Err(Error::File { source, .. })
                    if file::is_gone(&source) && attempt < CREATE_ATTEMPTS =>
                {
                    attempt += 1
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Creates an empty group with `limits`. Those that the plan does not enforce are left out.
    ///
    /// # Errors
    /// [`Error::StillInUse`] if a group of that name holds processes, [`Error::File`] if the kernel refuses; nothing
    /// is left behind then.
    pub fn create(&self, name: &GroupName, limits: &Limits) -> Result<Group, Error> {
        Group::create(&self.places.join(name.as_str()), limits)
    }

    /// The group of that name, whether or not it exists: for what an earlier process left behind.
    pub fn group(&self, name: &GroupName) -> Group {
        Group::at(self.places.join(name.as_str()))
    }

    /// Names of all groups below this one, in any hierarchy.
    ///
    /// # Errors
    /// [`Error::File`] if a directory cannot be listed.
    pub fn children(&self) -> Result<BTreeSet<GroupName>, Error> {
        let mut names = BTreeSet::new();
        for dir in self.places.dirs() {
            let found = file::subdirectories(dir)?;
            names.extend(
                found
                    .iter()
                    .filter_map(|name| name.to_str()?.parse::<GroupName>().ok()),
            );
        }
        Ok(names)
    }

    /// Kills all that lives in groups below this one and removes them, waiting at most `timeout` for each.
    ///
    /// # Errors
    /// The first error; the other groups are removed nevertheless.
    pub fn sweep(&self, timeout: Duration) -> Result<(), Error> {
        let mut outcome = Ok(());
        for name in self.children()? {
            outcome = outcome.and(self.group(&name).destroy(timeout));
        }
        outcome
    }

    /// Removes the group itself and those above it that are empty then, down from where groups may be made.
    ///
    /// A group that somebody still uses stays; that is no error, since other agents share the upper ones.
    pub fn remove(self) {
        let names: Vec<&str> = self.path.segments().iter().map(GroupName::as_str).collect();
        for depth in (1..=names.len()).rev() {
            let places = names[..depth]
                .iter()
                .fold(self.base.places.clone(), |places, name| places.join(name));
            for dir in places.dirs() {
                let _still_in_use = fs::remove_dir(dir);
            }
        }
    }
}

fn create_path(base: &Base, path: &GroupPath) -> Result<Places, Error> {
    let mut places = base.places.clone();
    share_out(&places, base.is_own_group)?;
    for name in path.segments() {
        places = places.join(name.as_str());
        for dir in places.dirs() {
            file::make_dir(dir)?;
        }
        share_out(&places, false)?;
    }
    Ok(places)
}

/// On v2 a group's children have a controller's files only if the group was told to share it out.
fn share_out(places: &Places, is_own_group: bool) -> Result<(), Error> {
    let Tracker::Unified(dir) = &places.tracker else {
        return Ok(());
    };
    let path = dir.join("cgroup.subtree_control");
    let wanted = [
        ("cpu", &places.cpu),
        ("memory", &places.memory),
        ("pids", &places.pids),
    ];
    let wanted = wanted
        .into_iter()
        .filter(|(_, place)| **place == Controller::Unified)
        .map(|(name, _)| name);
    let shared = file::read(&path)?;
    let missing: Vec<String> = wanted
        .filter(|name| !shared.split_whitespace().any(|shared| shared == *name))
        .map(|name| format!("+{name}"))
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    let value = missing.join(" ");
    match file::write(&path, &value) {
        Err(Error::File { source, .. }) if is_own_group && is_busy(&source) => {
            make_room(dir)?;
            file::write(&path, &value)
        }
        outcome => outcome,
    }
}

fn is_busy(error: &io::Error) -> bool {
    error.raw_os_error() == Some(libc::EBUSY)
}

/// Moves the processes of this process's own, delegated group into a leaf below it.
fn make_room(own: &Path) -> Result<(), Error> {
    let leaf: PathBuf = own.join(OWN_LEAF);
    file::make_dir(&leaf)?;
    for pid in file::read_procs(&own.join("cgroup.procs"))? {
        match file::write(&leaf.join("cgroup.procs"), &pid.to_string()) {
            // It ended meanwhile.
            Err(Error::File { source, .. }) if source.raw_os_error() == Some(libc::ESRCH) => {}
            outcome => outcome?,
        }
    }
    Ok(())
}
