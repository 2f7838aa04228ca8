//! What a driver commits, and what it may say afterwards.

use std::collections::BTreeMap;
use std::sync::Arc;

use insula_kernel::Effect;
use insula_types::record::Record;

/// One incarnation of a sender of inputs: a gateway process since its start.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SenderId(pub Arc<str>);

/// The highest input sequence of a sender that was applied.
pub type Mark = u64;

/// Marks by sender.
pub type Marks = BTreeMap<SenderId, Mark>;

/// One transaction: all of it or nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Commit {
    /// The `commit_no` that the head must have; it becomes one more (rule R1).
    pub expected: u64,
    /// Changes, each row at most once, in an order in which a row never precedes what it refers to.
    pub records: Vec<Record>,
    /// Marks that changed; stored in the same transaction (rule R4).
    pub marks: Marks,
}

impl Commit {
    /// The `commit_no` that the head has once this is committed.
    #[must_use]
    pub fn number(&self) -> u64 {
        self.expected + 1
    }
}

/// An effect that may leave; never a [`Effect::Persist`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Released {
    /// The commit after which it holds; what a watcher joins with a snapshot (rule R13).
    pub commit_no: u64,
    /// What to say.
    pub effect: Effect,
}
