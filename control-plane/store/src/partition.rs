//! What a partition's owner knows of its partition, and what it commits.

use std::fmt;

use insula_types::record::Record;
use insula_types::{CellId, Epoch, PartitionId, Time};

/// Counts the commits of a partition, across all its owners.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CommitNo(pub u64);

impl CommitNo {
    /// The number of the commit that follows.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

impl fmt::Display for CommitNo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// A partition's head: who owns it and how far it has come (rule R1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    /// The number of the current ownership.
    pub epoch: Epoch,
    /// The last commit.
    pub commit_no: CommitNo,
}

/// What an owner gets when it takes a partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ownership {
    /// Which partition.
    pub partition: PartitionId,
    /// The new epoch, higher than any before it.
    pub epoch: Epoch,
    /// The last commit of whoever owned it before.
    pub commit_no: CommitNo,
    /// The database's clock (rule R6).
    pub now: Time,
}

/// The changes to one cell within a commit, in the order in which they were made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CellRecords {
    /// Which cell; it must exist.
    pub cell: CellId,
    /// Its changes.
    pub records: Vec<Record>,
}

/// The highest input of one sender that has been applied (rule R4).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct InputMark {
    /// Names one incarnation of a sender.
    pub sender: String,
    /// The number of that input.
    pub seq: u64,
}
