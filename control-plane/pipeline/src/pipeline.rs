//! The pipeline itself.

use std::collections::VecDeque;

use insula_kernel::{Effect, Effects, Input, Kernel};
use insula_types::Time;

use crate::batch::{Commit, Marks, Released, SenderId};
use crate::coalesce::Coalesced;
use crate::refusal::Asker;

/// An input with the sender that numbered it.
#[derive(Debug, Clone)]
pub struct Envelope {
    /// The sender's incarnation and its number for this input, from 1; none for a sender in the same
    /// process, whose inputs cannot be repeated (rule R8).
    pub sender: Option<(SenderId, u64)>,
    /// The input.
    pub input: Input,
}

impl From<Input> for Envelope {
    fn from(input: Input) -> Self {
        Self {
            sender: None,
            input,
        }
    }
}

/// How far the kernel may run ahead of the truth, and whether a batch without records needs a fence.
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

/// The pipeline was poisoned by a failed commit: drop it, take a new epoch, load again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a commit failed, so the kernel in memory is ahead of the truth; reload under a new epoch")]
pub struct Poisoned;

/// Steps that share a transaction.
#[derive(Debug, Default)]
struct Batch {
    records: Coalesced,
    marks: Marks,
    effects: Vec<Effect>,
}

impl Batch {
    fn is_empty(&self) -> bool {
        self.persists_nothing() && self.effects.is_empty()
    }

    fn persists_nothing(&self) -> bool {
        self.records.is_empty() && self.marks.is_empty()
    }

    fn len(&self) -> usize {
        self.records.len() + self.effects.len()
    }
}

/// What waits for the commit in flight.
#[derive(Debug)]
struct InFlight {
    number: u64,
    effects: Vec<Effect>,
}

/// Batches steps into commits and releases their effects behind them.
#[derive(Debug)]
pub struct Pipeline {
    kernel: Kernel,
    limits: Limits,
    commit_no: u64,
    /// Marks of everything that was stepped, committed or not.
    marks: Marks,
    open: Batch,
    in_flight: Option<InFlight>,
    released: VecDeque<Released>,
    is_poisoned: bool,
}

impl Pipeline {
    /// Starts with a kernel that was just loaded, and the head and marks that were read with it.
    #[must_use]
    pub fn new(kernel: Kernel, commit_no: u64, marks: Marks, limits: Limits) -> Self {
        Self {
            kernel,
            limits,
            commit_no,
            marks,
            open: Batch::default(),
            in_flight: None,
            released: VecDeque::new(),
            is_poisoned: false,
        }
    }

    /// Steps the kernel, unless the sender's mark says that the input was applied already.
    ///
    /// # Errors
    /// [`Poisoned`] after a failed commit.
    pub fn input(&mut self, now: Time, envelope: Envelope) -> Result<(), Poisoned> {
        if self.is_poisoned {
            return Err(Poisoned);
        }
        if let Some((sender, seq)) = envelope.sender {
            if self.marks.get(&sender).is_some_and(|mark| seq <= *mark) {
                return Ok(());
            }
            self.marks.insert(sender.clone(), seq);
            self.open.marks.insert(sender, seq);
        }
        self.step(now, envelope.input);
        self.release_unfenced();
        Ok(())
    }

    fn step(&mut self, now: Time, input: Input) {
        let asker = Asker::of(&input);
        let mut effects = Effects::new();
        if let Err(rejection) = self.kernel.step(now, input, &mut effects) {
            self.open.effects.extend(asker.tell(rejection));
            return;
        }
        for effect in effects {
            match effect {
                Effect::Persist(record) => self.open.records.add(record),
                other => self.open.effects.push(other),
            }
        }
    }

    /// The next commit to make; nothing while one is in flight or nothing waits.
    pub fn poll_commit(&mut self) -> Option<Commit> {
        if self.is_poisoned || self.in_flight.is_some() || self.open.is_empty() {
            return None;
        }
        let batch = std::mem::take(&mut self.open);
        let commit = Commit {
            expected: self.commit_no,
            records: batch.records.into_records(),
            marks: batch.marks,
        };
        self.in_flight = Some(InFlight {
            number: commit.number(),
            effects: batch.effects,
        });
        Some(commit)
    }

    /// The commit in flight succeeded; `commit_no` is the head's new number.
    ///
    /// # Errors
    /// [`Poisoned`] if no commit with that number is in flight: head and memory disagree then, and
    /// the pipeline is poisoned by it.
    pub fn committed(&mut self, commit_no: u64) -> Result<(), Poisoned> {
        let Some(in_flight) = self
            .in_flight
            .take_if(|in_flight| in_flight.number == commit_no)
        else {
            self.commit_failed();
            return Err(Poisoned);
        };
        self.commit_no = commit_no;
        self.release(in_flight.effects);
        self.release_unfenced();
        Ok(())
    }

    /// The commit in flight failed, or its outcome cannot be learned: what was not committed is
    /// dropped, and the pipeline takes nothing more. Effects behind earlier commits may still leave.
    pub fn commit_failed(&mut self) {
        self.is_poisoned = true;
        self.in_flight = None;
        self.open = Batch::default();
    }

    /// The next effect that may leave, in step order.
    pub fn poll_release(&mut self) -> Option<Released> {
        self.released.pop_front()
    }

    /// Where no fence can be lost, a batch without records leaves as soon as nothing earlier waits.
    fn release_unfenced(&mut self) {
        let waits = self.limits.fence_empty || self.in_flight.is_some();
        if !waits && self.open.persists_nothing() {
            let effects = std::mem::take(&mut self.open.effects);
            self.release(effects);
        }
    }

    fn release(&mut self, effects: Vec<Effect>) {
        let commit_no = self.commit_no;
        let released = effects
            .into_iter()
            .map(|effect| Released { commit_no, effect });
        self.released.extend(released);
    }

    /// Whether the driver must stop reading inputs until a commit comes back.
    #[must_use]
    pub fn is_full(&self) -> bool {
        let in_flight = self.in_flight.as_ref();
        let waiting = self.open.len() + in_flight.map_or(0, |in_flight| in_flight.effects.len());
        waiting >= self.limits.effects_max
    }

    /// Whether everything that was stepped is committed and released.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.open.is_empty() && self.in_flight.is_none() && self.released.is_empty()
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

    /// The kernel, for queries; it may be ahead of the last commit.
    #[must_use]
    pub fn kernel(&self) -> &Kernel {
        &self.kernel
    }
}
