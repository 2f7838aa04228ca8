//! What a driver commits, and what it may say afterwards.

use std::collections::BTreeMap;
use std::sync::Arc;

use insula_kernel::Effect;
use insula_types::CellId;
use insula_types::record::Record;

use crate::coalesce::Coalesced;

/// One incarnation of a sender of inputs, which are stepped in the order of their numbers: a link of a
/// gateway to this owner, or, where the driver serves a link's cells in turn, a link and one cell.
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
    /// Changes by cell, cells without any left out; each row at most once, in an order in which a row
    /// never precedes what it refers to.
    pub cells: Vec<(CellId, Vec<Record>)>,
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
    /// Whose.
    pub cell: CellId,
    /// The commit after which it holds; what a watcher joins with a snapshot (rule R13).
    pub commit_no: u64,
    /// What to say.
    pub effect: Effect,
}

/// What one cell has in a batch.
#[derive(Debug, Default)]
pub(crate) struct Portion {
    pub(crate) records: Coalesced,
    pub(crate) effects: Vec<Effect>,
    /// Whether a mark stands for one of its inputs.
    pub(crate) is_marked: bool,
}

impl Portion {
    fn len(&self) -> usize {
        self.records.len() + self.effects.len()
    }
}

/// Steps that share a transaction.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    pub(crate) cells: BTreeMap<CellId, Portion>,
    pub(crate) marks: Marks,
    len: usize,
}

impl Batch {
    /// Adds what one step of a cell emitted.
    pub(crate) fn add(&mut self, cell: &CellId, effects: Vec<Effect>, is_marked: bool) {
        if effects.is_empty() && !is_marked {
            return;
        }
        let portion = self.cells.entry(cell.clone()).or_default();
        self.len -= portion.len();
        portion.is_marked |= is_marked;
        for effect in effects {
            match effect {
                Effect::Persist(record) => portion.records.add(record),
                other => portion.effects.push(other),
            }
        }
        self.len += portion.len();
    }

    /// Puts effects before everything that the cell has in the batch.
    pub(crate) fn put_first(&mut self, cell: CellId, effects: Vec<Effect>) {
        self.len += effects.len();
        let portion = self.cells.entry(cell).or_default();
        portion.effects.splice(0..0, effects);
    }

    /// Cells of which nothing has to be stored.
    pub(crate) fn persisting_nothing(&self) -> impl Iterator<Item = &CellId> {
        let nothing = |portion: &Portion| portion.records.is_empty() && !portion.is_marked;
        let cells = self.cells.iter();
        cells.filter_map(move |(cell, portion)| nothing(portion).then_some(cell))
    }

    pub(crate) fn remove(&mut self, cell: &CellId) -> Option<Portion> {
        let portion = self.cells.remove(cell)?;
        self.len -= portion.len();
        Some(portion)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.cells.is_empty() && self.marks.is_empty()
    }

    /// How many records and effects wait in it.
    pub(crate) fn len(&self) -> usize {
        self.len
    }
}
