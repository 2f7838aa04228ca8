//! The kernels of a partition, and whose timer is due next.

use std::collections::{BTreeMap, BTreeSet};

use insula_kernel::Kernel;
use insula_types::{CellId, Time};

#[derive(Debug)]
struct Member {
    kernel: Kernel,
    /// Its entry in the order of timers.
    due: Option<Time>,
}

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Cells {
    members: BTreeMap<CellId, Member>,
    by_due: BTreeSet<(Time, CellId)>,
}

impl Cells {
    pub(crate) fn new(kernels: BTreeMap<CellId, Kernel>) -> Self {
        let mut cells = Self::default();
        for (cell, kernel) in kernels {
            cells.add(cell, kernel);
        }
        cells
    }

    pub(crate) fn add(&mut self, cell: CellId, kernel: Kernel) {
        self.members
            .insert(cell.clone(), Member { kernel, due: None });
        self.set_timer(&cell);
    }

    pub(crate) fn remove(&mut self, cell: &CellId) -> Option<Kernel> {
        let (cell, member) = self.members.remove_entry(cell)?;
        if let Some(due) = member.due {
            self.by_due.remove(&(due, cell));
        }
        Some(member.kernel)
    }

    pub(crate) fn get(&self, cell: &CellId) -> Option<&Kernel> {
        Some(&self.members.get(cell)?.kernel)
    }

    pub(crate) fn get_mut(&mut self, cell: &CellId) -> Option<&mut Kernel> {
        Some(&mut self.members.get_mut(cell)?.kernel)
    }

    pub(crate) fn ids(&self) -> impl Iterator<Item = &CellId> {
        self.members.keys()
    }

    /// Asks a kernel that was just stepped when its next timer is due.
    pub(crate) fn set_timer(&mut self, cell: &CellId) {
        let Some(member) = self.members.get_mut(cell) else {
            return;
        };
        let due = member.kernel.next_timeout();
        let earlier = std::mem::replace(&mut member.due, due);
        if earlier == due {
            return;
        }
        if let Some(earlier) = earlier {
            self.by_due.remove(&(earlier, cell.clone()));
        }
        if let Some(due) = due {
            self.by_due.insert((due, cell.clone()));
        }
    }

    pub(crate) fn next_timeout(&self) -> Option<(&CellId, Time)> {
        let (due, cell) = self.by_due.first()?;
        Some((cell, *due))
    }
}
