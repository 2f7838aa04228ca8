use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::detect;
use super::places::Places;

/// Groups that the owner of the machine handed to Insula by name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Delegation {
    /// A directory on cgroup v2 below which groups may be made, instead of the one that is found.
    pub unified: Option<PathBuf>,
    /// A directory in the cgroup v1 `memory` hierarchy below which groups may be made. Without it that hierarchy is
    /// never touched.
    pub memory_v1: Option<PathBuf>,
}

/// Whether a limit holds on this machine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "state")]
pub enum Enforcement {
    /// The kernel enforces it.
    Enforced,
    /// Tasks run without it.
    NotEnforced {
        /// The reason, as a sentence without a full stop that can follow "because".
        because: String,
    },
}

impl Enforcement {
    /// Whether the kernel enforces it.
    pub fn is_enforced(&self) -> bool {
        *self == Enforcement::Enforced
    }

    pub(super) fn no(because: impl Into<String>) -> Enforcement {
        Enforcement::NotEnforced {
            because: because.into(),
        }
    }
}

/// What control groups can do for tasks on this machine; a value to show, made without changing anything.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Whether each task gets a group at all, so that none of its processes can escape being killed.
    pub grouping: Enforcement,
    /// The weight and quota of processor time.
    pub cpu: Enforcement,
    /// The memory limit.
    pub memory: Enforcement,
    /// The number of processes.
    pub pids: Enforcement,
    pub(super) base: Option<Base>,
}

/// Where groups may be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Base {
    pub(super) places: Places,
    /// Whether the v2 directory is this process's own group, so that it must make room before it can share it out.
    pub(super) is_own_group: bool,
}

impl Plan {
    /// Looks at the machine.
    pub fn detect(delegation: &Delegation) -> Plan {
        detect::plan(delegation)
    }

    /// A plan without control groups, for a machine whose owner does not want them or where they do not work.
    ///
    /// `because` is what [`Enforcement::NotEnforced`] will say.
    pub fn without_groups(because: impl Into<String>) -> Plan {
        let no = Enforcement::no(because);
        Plan {
            grouping: no.clone(),
            cpu: no.clone(),
            memory: no.clone(),
            pids: no,
            base: None,
        }
    }
}
