//! Deciding where groups may be made, and what cannot be enforced.

use std::ffi::CStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use nix::unistd::{AccessFlags, access, geteuid};

use super::file;
use super::layout::{Hierarchy, Layout};
use super::parent::OWN_LEAF;
use super::places::{Controller, Places, Tracker};
use super::plan::{Base, Delegation, Enforcement, Plan};

pub(super) fn plan(delegation: &Delegation) -> Plan {
    match Layout::read() {
        Ok(layout) => plan_for(&layout, delegation, geteuid().is_root()),
        Err(error) => Plan::without_groups(format!("/proc/self cannot be read: {error}")),
    }
}

fn plan_for(layout: &Layout, delegation: &Delegation, is_root: bool) -> Plan {
    let (tracker, is_own_group) = match tracker(layout, delegation, is_root) {
        Ok(found) => found,
        Err(because) => return Plan::without_groups(because),
    };
    let (cpu_place, cpu) = controller("cpu", &tracker, layout);
    let (pids_place, pids) = controller("pids", &tracker, layout);
    let (memory_place, memory) = memory(&tracker, layout, delegation);
    let counts_cpu = matches!(tracker, Tracker::Unified(_));
    let cpuacct = layout
        .v1
        .get("cpuacct")
        .filter(|_| !counts_cpu)
        .map(|hierarchy| hierarchy.own.clone());
    let places = Places {
        tracker,
        cpu: cpu_place,
        memory: memory_place,
        pids: pids_place,
        cpuacct,
    };
    Plan {
        grouping: Enforcement::Enforced,
        cpu,
        memory,
        pids,
        base: Some(Base {
            places,
            is_own_group,
        }),
    }
}

/// The directory that holds the groups themselves, and whether it is this process's own group on v2.
fn tracker(
    layout: &Layout,
    delegation: &Delegation,
    is_root: bool,
) -> Result<(Tracker, bool), String> {
    if let Some(hierarchy) = &layout.unified {
        let dir = unified_base(hierarchy, delegation, is_root);
        writable(&dir)?;
        let is_own_group = dir == before_making_room(&hierarchy.own);
        if is_own_group && !is_root {
            // Moving a process needs the right to write here too; a user's own group has it only if it was delegated.
            writable(&dir.join("cgroup.procs"))?;
        }
        return Ok((Tracker::Unified(dir), is_own_group));
    }
    match layout.v1.get("freezer") {
        Some(hierarchy) => {
            writable(&hierarchy.own).map(|()| (Tracker::Freezer(hierarchy.own.clone()), false))
        }
        None if layout.v1.is_empty() => {
            Err("no cgroup file system is mounted on this machine".to_owned())
        }
        None => Err("neither cgroup v2 nor the v1 freezer is mounted on this machine".to_owned()),
    }
}

/// The delegated directory; else the own group if a service manager delegated it; else, for root, the top of the tree.
fn unified_base(hierarchy: &Hierarchy, delegation: &Delegation, is_root: bool) -> PathBuf {
    if let Some(dir) = &delegation.unified {
        return dir.clone();
    }
    let own = before_making_room(&hierarchy.own);
    if is_root && !is_delegated(own) {
        return hierarchy.mount.clone();
    }
    own.to_owned()
}

/// The group that this process was put in; it, or the one that started it, may since have moved to the leaf.
fn before_making_room(own: &Path) -> &Path {
    match own.parent() {
        Some(parent) if own.ends_with(OWN_LEAF) => parent,
        _ => own,
    }
}

/// systemd marks a group that it delegated (`Delegate=yes`) with an extended attribute: `trusted.delegate` for the
/// system's services, `user.delegate` for users'.
fn is_delegated(dir: &Path) -> bool {
    has_attribute(dir, c"trusted.delegate") || has_attribute(dir, c"user.delegate")
}

fn has_attribute(dir: &Path, name: &CStr) -> bool {
    let Ok(dir) = std::ffi::CString::new(dir.as_os_str().as_bytes()) else {
        return false;
    };
    let mut value = [0_u8; 2];
    // SAFETY: both strings end with NUL and `value` is as long as said; the call keeps nothing.
    #[allow(unsafe_code)]
    let length = unsafe {
        libc::getxattr(
            dir.as_ptr(),
            name.as_ptr(),
            value.as_mut_ptr().cast(),
            value.len(),
        )
    };
    length == 1 && value[0] == b'1'
}

fn controller(name: &str, tracker: &Tracker, layout: &Layout) -> (Controller, Enforcement) {
    if has_unified_controller(tracker, name) {
        return (Controller::Unified, Enforcement::Enforced);
    }
    let Some(hierarchy) = layout.v1.get(name) else {
        return (Controller::Absent, Enforcement::no(missing(name, tracker)));
    };
    match writable(&hierarchy.own) {
        Ok(()) => (Controller::V1(hierarchy.own.clone()), Enforcement::Enforced),
        Err(because) => (Controller::Absent, Enforcement::no(because)),
    }
}

/// Memory is apart from the others: on v1 its hierarchy usually belongs to what runs the machine (a container
/// manager, a hypervisor's agent), and a group made there changes what that one sees. So it takes an explicit word.
fn memory(
    tracker: &Tracker,
    layout: &Layout,
    delegation: &Delegation,
) -> (Controller, Enforcement) {
    if has_unified_controller(tracker, "memory") {
        return (Controller::Unified, Enforcement::Enforced);
    }
    let refused = |because: String| (Controller::Absent, Enforcement::no(because));
    let Some(hierarchy) = layout.v1.get("memory") else {
        return refused(missing("memory", tracker));
    };
    let Some(parent) = &delegation.memory_v1 else {
        return refused(no_memory_parent(hierarchy));
    };
    let leaves = parent.components().any(|part| part.as_os_str() == "..");
    if leaves || !parent.starts_with(&hierarchy.mount) {
        return refused(format!(
            "the delegated parent {} is not in the memory hierarchy {}",
            parent.display(),
            hierarchy.mount.display()
        ));
    }
    match writable(parent) {
        Ok(()) => (Controller::V1(parent.clone()), Enforcement::Enforced),
        Err(because) => refused(because),
    }
}

fn no_memory_parent(hierarchy: &Hierarchy) -> String {
    match hierarchy.own.strip_prefix(&hierarchy.mount) {
        Ok(own) if !own.as_os_str().is_empty() => format!(
            "the agent's own cgroup v1 memory group is /{}, not /, and no delegated parent was given",
            own.display()
        ),
        _ => "the memory controller is on cgroup v1, where groups are made only below a delegated parent, and none \
              was given"
            .to_owned(),
    }
}

fn has_unified_controller(tracker: &Tracker, name: &str) -> bool {
    let Tracker::Unified(dir) = tracker else {
        return false;
    };
    let controllers = file::read(&dir.join("cgroup.controllers")).unwrap_or_default();
    controllers
        .split_whitespace()
        .any(|controller| controller == name)
}

fn missing(name: &str, tracker: &Tracker) -> String {
    match tracker {
        Tracker::Unified(dir) => format!(
            "the {name} controller is not available in {}",
            dir.display()
        ),
        Tracker::Freezer(_) => format!("no cgroup hierarchy with the {name} controller is mounted"),
    }
}

fn writable(path: &Path) -> Result<(), String> {
    access(path, AccessFlags::W_OK).map_err(|errno| {
        format!(
            "{} cannot be written ({}); run the agent as root or in a service with Delegate=yes",
            path.display(),
            errno.desc()
        )
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::fs;
    use std::path::Path;

    use super::super::layout::{Hierarchy, Layout};
    use super::super::places::{Controller, Tracker};
    use super::super::plan::{Delegation, Enforcement, Plan};
    use super::plan_for;

    fn hierarchy(root: &Path, mount: &str, own: &str) -> Hierarchy {
        let mount = root.join(mount);
        let own = if own.is_empty() {
            mount.clone()
        } else {
            mount.join(own)
        };
        fs::create_dir_all(&own).unwrap();
        Hierarchy { mount, own }
    }

    fn because(enforcement: &Enforcement) -> &str {
        match enforcement {
            Enforcement::NotEnforced { because } => because,
            Enforcement::Enforced => "",
        }
    }

    fn hybrid(root: &Path) -> Layout {
        let mut layout = Layout {
            unified: Some(hierarchy(root, "unified", "")),
            ..Layout::default()
        };
        fs::write(root.join("unified/cgroup.controllers"), "hugetlb\n").unwrap();
        for name in ["cpu", "pids"] {
            layout.v1.insert(name.to_owned(), hierarchy(root, name, ""));
        }
        layout
            .v1
            .insert("memory".to_owned(), hierarchy(root, "memory", "machine/x"));
        layout
    }

    #[test]
    fn v2_as_root_uses_the_top_and_its_controllers() {
        let root = tempfile::tempdir().unwrap();
        let layout = Layout {
            unified: Some(hierarchy(root.path(), "c", "user.slice/s")),
            ..Layout::default()
        };
        fs::write(root.path().join("c/cgroup.controllers"), "cpu memory\n").unwrap();
        let plan = plan_for(&layout, &Delegation::default(), true);
        let base = plan.base.unwrap();
        assert_eq!(base.places.tracker, Tracker::Unified(root.path().join("c")));
        assert!(!base.is_own_group);
        assert!(plan.cpu.is_enforced() && plan.memory.is_enforced());
        assert!(because(&plan.pids).starts_with("the pids controller is not available in "));
    }

    #[test]
    fn a_process_that_made_room_still_knows_its_group() {
        let root = tempfile::tempdir().unwrap();
        let own = "user.slice/insula-daemons";
        let layout = Layout {
            unified: Some(hierarchy(root.path(), "c", own)),
            ..Layout::default()
        };
        fs::write(root.path().join("c/user.slice/cgroup.procs"), "").unwrap();
        let base = plan_for(&layout, &Delegation::default(), false)
            .base
            .unwrap();
        assert_eq!(
            base.places.tracker,
            Tracker::Unified(root.path().join("c/user.slice"))
        );
        assert!(base.is_own_group);
    }

    #[test]
    fn hybrid_leaves_memory_alone_unless_a_parent_was_delegated() {
        let root = tempfile::tempdir().unwrap();
        let layout = hybrid(root.path());
        let plan = plan_for(&layout, &Delegation::default(), true);
        assert!(plan.cpu.is_enforced() && plan.pids.is_enforced());
        assert_eq!(
            because(&plan.memory),
            "the agent's own cgroup v1 memory group is /machine/x, not /, and no delegated parent was given"
        );
        assert_eq!(plan.base.unwrap().places.memory, Controller::Absent);

        let delegated = |dir: &str| Delegation {
            memory_v1: Some(root.path().join(dir)),
            ..Delegation::default()
        };
        assert!(
            plan_for(&layout, &delegated("memory/machine"), true)
                .memory
                .is_enforced()
        );
        assert!(
            !plan_for(&layout, &delegated("memory/../cpu"), true)
                .memory
                .is_enforced()
        );
        assert!(
            !plan_for(&layout, &delegated("memory/absent"), true)
                .memory
                .is_enforced()
        );
    }

    #[test]
    fn memory_at_the_root_of_v1_needs_the_word_too() {
        let root = tempfile::tempdir().unwrap();
        let mut layout = hybrid(root.path());
        layout
            .v1
            .insert("memory".to_owned(), hierarchy(root.path(), "memory", ""));
        let plan = plan_for(&layout, &Delegation::default(), true);
        assert!(because(&plan.memory).contains("only below a delegated parent"));
    }

    #[test]
    fn pure_v1_tracks_with_the_freezer() {
        let root = tempfile::tempdir().unwrap();
        let mut layout = hybrid(root.path());
        layout.unified = None;
        assert!(
            because(&plan_for(&layout, &Delegation::default(), true).grouping).contains("freezer")
        );
        layout
            .v1
            .insert("freezer".to_owned(), hierarchy(root.path(), "freezer", ""));
        let plan = plan_for(&layout, &Delegation::default(), true);
        assert_eq!(
            plan.base.unwrap().places.tracker,
            Tracker::Freezer(root.path().join("freezer"))
        );
    }

    #[test]
    fn a_machine_without_cgroups_says_so() {
        let plan = plan_for(&Layout::default(), &Delegation::default(), true);
        assert_eq!(
            plan,
            Plan::without_groups("no cgroup file system is mounted on this machine")
        );
        let absent = Layout {
            unified: Some(Hierarchy {
                mount: "/nonexistent".into(),
                own: "/nonexistent".into(),
            }),
            ..Layout::default()
        };
        let plan = plan_for(&absent, &Delegation::default(), false);
        assert!(because(&plan.cpu).starts_with("/nonexistent cannot be written"));
    }
}
