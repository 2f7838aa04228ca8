//! A batch on its way to the store, whole or in parts.
//!
//! A transaction that fails on a data error (a value that the database refuses, say) certainly wrote
//! nothing, and one cell is to blame: the others' changes are committed anew, in halves, until the
//! guilty cell is alone (rule R11). That is sound, although rule R2 says that a commit is never tried
//! again:
//!
//! - Rule R2 is about outcomes that nobody knows. Here the database said that the transaction was rolled
//!   back. Should that be wrong, the next part meets a head with another number, and is fenced off.
//! - Cells share no rows and their kernels nothing at all, so each subset of the cells of a batch is a
//!   state that each of its cells was in. A cell is never divided.
//! - A cell's effects stay with its records, so they leave behind the commit that has them.
//! - Every part carries all marks of the batch. A mark that is stored before what it stands for can only
//!   make an input that was not applied count as one that may have been; the other way round an input
//!   could be applied twice.
//! - Of the guilty cell everything that is not committed is dropped, its kernel as well. It is loaded from
//!   its rows under the same epoch, and goes on numbering its launches and offers above what the
//!   dropped kernel gave out ([`insula_kernel::Numbering`]).

use std::collections::BTreeMap;

use insula_kernel::Effect;
use insula_types::CellId;
use insula_types::record::Record;

use crate::batch::{Batch, Commit, Marks};

/// What one cell has in a part.
#[derive(Debug)]
pub(crate) struct Share {
    pub(crate) cell: CellId,
    /// Handed out with the commit while that is in flight.
    records: Vec<Record>,
    pub(crate) effects: Vec<Effect>,
}

/// Cells whose changes share a transaction.
#[derive(Debug, Default)]
pub(crate) struct Part {
    /// By cell, in order.
    pub(crate) shares: Vec<Share>,
    marks: Marks,
    len: usize,
}

/// What became of a part that was refused.
#[derive(Debug)]
pub(crate) enum Blame {
    /// One cell is left with records: it is guilty. The rest is committed without it.
    One(CellId, Part),
    /// One of these parts has the guilty cell.
    Either(Part, Part),
    /// No cell has records.
    Nobody,
}

impl From<Batch> for Part {
    fn from(batch: Batch) -> Self {
        let len = batch.len();
        let shares = batch.cells.into_iter().map(|(cell, portion)| Share {
            cell,
            records: portion.records.into_records(),
            effects: portion.effects,
        });
        Self {
            shares: shares.collect(),
            marks: batch.marks,
            len,
        }
    }
}

impl Part {
    /// The transaction, which takes the records with it.
    pub(crate) fn commit(&mut self, expected: u64) -> Commit {
        let cells = self.shares.iter_mut().filter_map(|share| {
            let records = std::mem::take(&mut share.records);
            (!records.is_empty()).then(|| (share.cell.clone(), records))
        });
        Commit {
            expected,
            cells: cells.collect(),
            marks: std::mem::take(&mut self.marks),
        }
    }

    /// Takes a transaction back, which wrote nothing, and finds out whom it may be blamed on.
    pub(crate) fn refused(mut self, commit: Commit) -> Blame {
        let mut records: BTreeMap<CellId, Vec<Record>> = commit.cells.into_iter().collect();
        if records.is_empty() {
            return Blame::Nobody;
        }
        if records.len() == 1
            && let Some((guilty, _)) = records.pop_first()
        {
            self.shares.retain(|share| share.cell != guilty);
            return Blame::One(guilty, Self::of(self.shares, commit.marks));
        }
        let mut left = records.len() / 2;
        let (mut first, mut second) = (Vec::new(), Vec::new());
        for mut share in self.shares {
            let half = if left > 0 { &mut first } else { &mut second };
            if let Some(records) = records.remove(&share.cell) {
                share.records = records;
                left = left.saturating_sub(1);
            }
            half.push(share);
        }
        let marks = commit.marks;
        Blame::Either(Self::of(first, marks.clone()), Self::of(second, marks))
    }

    fn of(shares: Vec<Share>, marks: Marks) -> Self {
        let len = shares
            .iter()
            .map(|share| share.records.len() + share.effects.len())
            .sum();
        Self { shares, marks, len }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.shares.is_empty() && self.marks.is_empty()
    }

    pub(crate) fn has(&self, cell: &CellId) -> bool {
        let found = self.shares.binary_search_by(|share| share.cell.cmp(cell));
        found.is_ok()
    }

    pub(crate) fn len(&self) -> usize {
        self.len
    }
}
