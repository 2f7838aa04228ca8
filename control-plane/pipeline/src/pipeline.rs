//! The pipeline itself: from the commit in flight to what may leave.

use std::collections::{BTreeMap, VecDeque};

use insula_kernel::{Effect, Kernel};
use insula_types::{CellId, Time};

use crate::batch::{Batch, Commit, Marks, Released};
use crate::cells::Cells;
use crate::envelope::{Poisoned, Removed};
use crate::part::{Blame, Part};

/// How far the kernels may run ahead of the truth, and whether a batch without records needs a fence.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Most records and effects that may wait for their commit before the driver stops reading
    /// inputs. One step may go beyond it by what it emits, which is bounded itself (rule R12).
    pub effects_max: usize,
    /// Whether a batch that persists nothing still moves the head (rule R3); not with SQLite, whose
    /// lock cannot be lost (rule R8).
    pub fence_empty: bool,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            effects_max: 100_000,
            fence_empty: true,
        }
    }
}

/// What the commit in flight is for.
#[derive(Debug)]
struct InFlight {
    number: u64,
    part: Part,
}

/// Batches the steps of a partition's cells into commits and releases their effects behind them.
#[derive(Debug)]
pub struct Pipeline {
    pub(crate) cells: Cells,
    pub(crate) limits: Limits,
    commit_no: u64,
    /// Marks of everything that was stepped, committed or not.
    pub(crate) marks: Marks,
    pub(crate) open: Batch,
    in_flight: Option<InFlight>,
    /// What is left of a batch that was refused, in the order in which it is committed.
    parts: VecDeque<Part>,
    pub(crate) released: VecDeque<Released>,
    /// What may leave without a commit, as long as the lease holds.
    pub(crate) on_lease: VecDeque<(CellId, Effect)>,
    is_poisoned: bool,
}

impl Pipeline {
    /// Starts with kernels that were just loaded, and the head and marks that were read with them.
    #[must_use]
    pub fn new(
        cells: BTreeMap<CellId, Kernel>,
        commit_no: u64,
        marks: Marks,
        limits: Limits,
    ) -> Self {
        Self {
            cells: Cells::new(cells),
            limits,
            commit_no,
            marks,
            open: Batch::default(),
            in_flight: None,
            parts: VecDeque::new(),
            released: VecDeque::new(),
            on_lease: VecDeque::new(),
            is_poisoned: false,
        }
    }

    /// The next commit to make; nothing while one is in flight or nothing waits.
    ///
    /// What could have left on the lease and was not polled goes behind this commit's fence: poll
    /// releases first.
    pub fn poll_commit(&mut self) -> Option<Commit> {
        if self.is_poisoned || self.in_flight.is_some() {
            return None;
        }
        let mut part = match self.parts.pop_front() {
            Some(part) => part,
            None => self.close_batch()?,
        };
        let commit = part.commit(self.commit_no);
        let number = commit.number();
        self.in_flight = Some(InFlight { number, part });
        Some(commit)
    }

    fn close_batch(&mut self) -> Option<Part> {
        let mut on_lease: BTreeMap<CellId, Vec<Effect>> = BTreeMap::new();
        for (cell, effect) in self.on_lease.drain(..) {
            on_lease.entry(cell).or_default().push(effect);
        }
        for (cell, effects) in on_lease {
            self.open.put_first(cell, effects);
        }
        (!self.open.is_empty()).then(|| Part::from(std::mem::take(&mut self.open)))
    }

    /// The commit in flight succeeded; `commit_no` is the head's new number.
    ///
    /// # Errors
    /// [`Poisoned`] if no commit with that number is in flight: head and memory disagree then, and
    /// the pipeline is poisoned by it.
    pub fn committed(&mut self, commit_no: u64) -> Result<(), Poisoned> {
        let in_flight = self.take_in_flight(commit_no)?;
        self.commit_no = commit_no;
        for share in in_flight.part.shares {
            self.release(&share.cell, share.effects);
        }
        self.release_unfenced();
        Ok(())
    }

    /// The commit in flight was refused for what it says, and certainly wrote nothing. What it had is
    /// committed anew in halves, until the cell that is to blame is alone; that one is removed and
    /// given back, to be loaded again under the same epoch. The module `part` says why that is sound.
    ///
    /// `commit` is what [`Self::poll_commit`] handed out.
    ///
    /// # Errors
    /// [`Poisoned`] if that commit is not in flight, or has no records that could be to blame.
    pub fn commit_refused(&mut self, commit: Commit) -> Result<Option<Removed>, Poisoned> {
        let in_flight = self.take_in_flight(commit.number())?;
        match in_flight.part.refused(commit) {
            Blame::Nobody => {
                self.commit_failed();
                Err(Poisoned)
            }
            Blame::Either(first, second) => {
                self.parts.push_front(second);
                self.parts.push_front(first);
                Ok(None)
            }
            Blame::One(guilty, rest) => {
                // Other parts of the batch have the same marks.
                let is_needed = !rest.shares.is_empty() || self.parts.is_empty();
                if is_needed && !rest.is_empty() {
                    self.parts.push_front(rest);
                }
                Ok(Some(self.remove_cell(&guilty)))
            }
        }
    }

    fn take_in_flight(&mut self, number: u64) -> Result<InFlight, Poisoned> {
        let matches = |in_flight: &mut InFlight| in_flight.number == number;
        let found = self.in_flight.take_if(matches);
        if found.is_none() {
            self.commit_failed();
        }
        found.ok_or(Poisoned)
    }

    /// The commit in flight failed, or its outcome cannot be learned: what was not committed is
    /// dropped, and the pipeline takes nothing more. Effects behind earlier commits may still leave.
    pub fn commit_failed(&mut self) {
        self.is_poisoned = true;
        self.in_flight = None;
        self.parts.clear();
        self.on_lease.clear();
        self.open = Batch::default();
    }

    /// The next effect that may leave, in the step order of its cell.
    ///
    /// `lease_holds` says whether the owner's [`crate::lease::Tenure`] holds at this moment, read from the
    /// clock after the inputs were stepped; false where there is no lease.
    pub fn poll_release(&mut self, lease_holds: bool) -> Option<Released> {
        if let Some(released) = self.released.pop_front() {
            return Some(released);
        }
        if !lease_holds {
            return None;
        }
        let (cell, effect) = self.on_lease.pop_front()?;
        Some(Released {
            cell,
            commit_no: self.commit_no,
            effect,
        })
    }

    /// Where no fence can be lost, what rests on no record leaves as soon as nothing earlier of its
    /// cell waits.
    fn release_unfenced(&mut self) {
        if self.limits.fence_empty {
            return;
        }
        let free: Vec<CellId> = self
            .open
            .persisting_nothing()
            .filter(|cell| !self.is_being_committed(cell))
            .cloned()
            .collect();
        for cell in free {
            if let Some(portion) = self.open.remove(&cell) {
                self.release(&cell, portion.effects);
            }
        }
    }

    pub(crate) fn release(&mut self, cell: &CellId, effects: Vec<Effect>) {
        let commit_no = self.commit_no;
        let released = effects.into_iter().map(|effect| Released {
            cell: cell.clone(),
            commit_no,
            effect,
        });
        self.released.extend(released);
    }

    /// Whether the driver must stop reading inputs until a commit comes back.
    #[must_use]
    pub fn is_full(&self) -> bool {
        let in_flight = self.in_flight.iter().map(|in_flight| in_flight.part.len());
        let parts = self.parts.iter().map(Part::len);
        let waiting = self.open.len() + in_flight.sum::<usize>() + parts.sum::<usize>();
        waiting >= self.limits.effects_max
    }

    /// Whether everything that was stepped is committed and released.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.open.is_empty()
            && self.in_flight.is_none()
            && self.parts.is_empty()
            && self.on_lease.is_empty()
            && self.released.is_empty()
    }

    /// Whether something of the cell is not committed yet.
    #[must_use]
    pub fn waits(&self, cell: &CellId) -> bool {
        self.open.cells.contains_key(cell) || self.is_being_committed(cell)
    }

    /// Whether a commit that has something of the cell is in flight or about to be. Until that is over
    /// its rows must not be read.
    #[must_use]
    pub fn is_being_committed(&self, cell: &CellId) -> bool {
        let in_flight = self.in_flight.iter().map(|in_flight| &in_flight.part);
        in_flight.chain(&self.parts).any(|part| part.has(cell))
    }

    /// Whether a commit has failed; see [`Poisoned`].
    #[must_use]
    pub fn is_poisoned(&self) -> bool {
        self.is_poisoned
    }

    /// The number of the last commit that is known to have succeeded.
    #[must_use]
    pub fn commit_no(&self) -> u64 {
        self.commit_no
    }

    /// A cell's kernel, for queries; it may be ahead of the last commit.
    #[must_use]
    pub fn kernel(&self, cell: &CellId) -> Option<&Kernel> {
        self.cells.get(cell)
    }

    /// The cells that are served, in order.
    pub fn cells(&self) -> impl Iterator<Item = &CellId> {
        self.cells.ids()
    }

    /// The cell whose timer is due next, and when: feed it [`insula_kernel::Input::Timer`] then, once none
    /// of its inputs is queued. A time that has passed means at once.
    #[must_use]
    pub fn next_timeout(&self) -> Option<(&CellId, Time)> {
        self.cells.next_timeout()
    }

    /// The highest input of a sender that was stepped, committed or not.
    #[must_use]
    pub fn marks(&self) -> &Marks {
        &self.marks
    }
}
