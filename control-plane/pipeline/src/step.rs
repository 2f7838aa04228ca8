//! Inputs go in, and cells come and go.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

use insula_kernel::{Effect, Effects, Input, Kernel, Rejection};
use insula_types::{CellId, Time};

use crate::batch::SenderId;
use crate::envelope::{Envelope, InputError, Poisoned, Removed};
use crate::pipeline::Pipeline;
use crate::refusal::Asker;
use crate::release::{is_about_offers, is_on_lease};

/// A cell cannot be added: it is served already, or its last changes are on their way to the store and
/// the rows that its kernel was loaded from may be older than those.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("cell {0} is served already, or what it did last is still being committed")]
pub struct Occupied(pub CellId);

impl Pipeline {
    /// Steps a cell's kernel, unless the sender's mark says that the input was applied already.
    ///
    /// # Errors
    /// [`InputError`]; whoever waits for an answer is to be told that nothing was done.
    pub fn input(&mut self, now: Time, envelope: Envelope) -> Result<(), InputError> {
        if self.is_poisoned() {
            return Err(Poisoned.into());
        }
        if let Some((sender, seq)) = &envelope.sender
            && self.marks.get(sender).is_some_and(|mark| seq <= mark)
        {
            return Ok(());
        }
        let about_offers = is_about_offers(&envelope.input);
        let effects = self.step(now, &envelope.cell, envelope.input)?;
        let is_marked = envelope.sender.is_some();
        if let Some((sender, seq)) = envelope.sender {
            self.marks.insert(sender.clone(), seq);
            self.open.marks.insert(sender, seq);
        }
        self.sort(&envelope.cell, effects, about_offers, is_marked);
        Ok(())
    }

    fn step(&mut self, now: Time, cell: &CellId, input: Input) -> Result<Effects, InputError> {
        let Some(kernel) = self.cells.get_mut(cell) else {
            return Err(InputError::CellUnknown(cell.clone()));
        };
        let asker = Asker::of(&input);
        let effects = match step(kernel, now, input) {
            Ok(Ok(effects)) => effects,
            Ok(Err(rejection)) => asker.tell(kernel.now(), rejection),
            Err(panic) => {
                let sentence = sentence(panic.as_ref());
                let removed = self.remove_cell(cell);
                return Err(InputError::Panicked { removed, sentence });
            }
        };
        self.cells.set_timer(cell);
        Ok(effects)
    }

    /// Puts what a step emitted where it waits for what it has to.
    fn sort(&mut self, cell: &CellId, effects: Effects, about_offers: bool, is_marked: bool) {
        let persists = effects
            .iter()
            .any(|effect| matches!(effect, Effect::Persist(_)));
        if persists || self.waits(cell) {
            self.open.add(cell, effects, is_marked);
        } else if self.limits.fence_empty {
            let bound = effects
                .iter()
                .position(|effect| !is_on_lease(effect, about_offers));
            let mut effects = effects;
            let fenced = effects.split_off(bound.unwrap_or(effects.len()));
            let on_lease = effects.into_iter().map(|effect| (cell.clone(), effect));
            self.on_lease.extend(on_lease);
            self.open.add(cell, fenced, false);
        } else if is_marked {
            self.open.add(cell, effects, is_marked);
        } else {
            self.release(cell, effects);
        }
    }

    /// Serves one more cell, whose kernel was just loaded under this pipeline's epoch.
    ///
    /// # Errors
    /// [`Occupied`]
    pub fn add_cell(&mut self, cell: CellId, kernel: Kernel) -> Result<(), Occupied> {
        if self.cells.get(&cell).is_some() || self.is_being_committed(&cell) {
            return Err(Occupied(cell));
        }
        self.cells.add(cell, kernel);
        Ok(())
    }

    /// Serves a cell no more, and drops all of it that is neither committed nor in flight. To lose
    /// nothing, wait until it no longer [`Self::waits`].
    pub fn remove_cell(&mut self, cell: &CellId) -> Removed {
        let kernel = self.cells.remove(cell);
        self.open.remove(cell);
        self.on_lease.retain(|(other, _)| other != cell);
        Removed {
            cell: cell.clone(),
            numbering: kernel.map(|kernel| kernel.numbering()),
        }
    }

    /// Forgets the mark of a sender that says nothing any more.
    pub fn forget_sender(&mut self, sender: &SenderId) {
        self.marks.remove(sender);
    }
}

/// Steps a kernel; what it panicked with if it did. A kernel that panicked is dropped, so it does not
/// matter what state the panic left it in.
fn step(
    kernel: &mut Kernel,
    now: Time,
    input: Input,
) -> Result<Result<Effects, Rejection>, Box<dyn Any + Send>> {
    catch_unwind(AssertUnwindSafe(|| {
        let mut effects = Effects::new();
        kernel.step(now, input, &mut effects)?;
        Ok(effects)
    }))
}

fn sentence(panic: &(dyn Any + Send)) -> String {
    let text = panic
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| panic.downcast_ref::<&str>().copied());
    text.unwrap_or("it did not say why").to_owned()
}
