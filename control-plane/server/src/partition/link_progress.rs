//! How far the messages of one link are applied.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use insula_types::CellId;

/// Cells are served in turns, so the messages of a link are not applied in their order, only those of
/// each cell are. What is told to the gateway is the number up to which all are (rule R4).
#[derive(Debug, Default)]
pub(super) struct LinkProgress {
    last: u64,
    by_cell: BTreeMap<CellId, VecDeque<u64>>,
    open: BTreeSet<u64>,
    told: u64,
}

impl LinkProgress {
    /// A message that concerns no cell has come; there is nothing to apply of it.
    pub(super) fn came(&mut self, seq: u64) {
        self.last = seq;
    }

    /// An input for a cell has come.
    pub(super) fn came_for(&mut self, cell: &CellId, seq: u64) {
        self.last = seq;
        self.open.insert(seq);
        self.by_cell.entry(cell.clone()).or_default().push_back(seq);
    }

    /// The inputs for a cell up to this number are applied durably, or will never be.
    pub(super) fn settle(&mut self, cell: &CellId, up_to: u64) {
        let Some(waiting) = self.by_cell.get_mut(cell) else {
            return;
        };
        while let Some(seq) = waiting.pop_front_if(|seq| *seq <= up_to) {
            self.open.remove(&seq);
        }
        if waiting.is_empty() {
            self.by_cell.remove(cell);
        }
    }

    /// One input will never be applied: it was refused before its turn.
    pub(super) fn refuse(&mut self, cell: &CellId, seq: u64) {
        self.open.remove(&seq);
        if let Some(waiting) = self.by_cell.get_mut(cell) {
            waiting.retain(|waiting| *waiting != seq);
        }
    }

    /// The number up to which all are.
    pub(super) fn applied(&self) -> u64 {
        self.open.first().map_or(self.last, |first| first - 1)
    }

    /// The same, if the gateway has not been told yet.
    pub(super) fn news(&mut self) -> Option<u64> {
        let applied = self.applied();
        let is_news = applied > self.told;
        self.told = applied;
        is_news.then_some(applied)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_that_is_behind_holds_the_number_back() {
        let (noisy, quiet) = (CellId::from("noisy"), CellId::from("quiet"));
        let mut progress = LinkProgress::default();
        progress.came(1);
        progress.came_for(&noisy, 2);
        progress.came_for(&quiet, 3);
        progress.came_for(&noisy, 4);
        progress.came_for(&quiet, 5);
        assert_eq!(progress.news(), Some(1));
        progress.settle(&quiet, 5);
        assert_eq!(progress.news(), None);
        progress.settle(&noisy, 2);
        assert_eq!(progress.news(), Some(3));
        progress.refuse(&noisy, 4);
        assert_eq!(progress.news(), Some(5));
    }
}
