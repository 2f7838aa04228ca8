//! What goes into a pipeline, and why it may not.

use insula_kernel::{Input, Numbering};
use insula_types::CellId;

use crate::batch::{Mark, SenderId};

/// An input with the cell that it is for and the sender that numbered it.
#[derive(Debug, Clone)]
pub struct Envelope {
    /// Whose kernel steps it.
    pub cell: CellId,
    /// The sender's incarnation and its number for this input, from 1; none for a sender in the same
    /// process, whose inputs cannot be repeated (rule R8).
    pub sender: Option<(SenderId, Mark)>,
    /// The input.
    pub input: Input,
}

impl Envelope {
    /// An input of a sender in the same process.
    #[must_use]
    pub fn local(cell: CellId, input: Input) -> Self {
        Self {
            cell,
            sender: None,
            input,
        }
    }
}

/// The pipeline was poisoned by a failed commit: drop it, take a new epoch, load again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "a commit failed, so the kernels in memory are ahead of the truth; reload under a new epoch"
)]
pub struct Poisoned;

/// Why an input was not stepped. It certainly changed nothing, and its sender's mark has not moved.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InputError {
    /// Nothing can be stepped any more.
    #[error(transparent)]
    Poisoned(#[from] Poisoned),
    /// The partition does not have the cell, or not now.
    #[error("cell {0} is not served here now; try again in a moment")]
    CellUnknown(CellId),
    /// The kernel panicked; its cell was removed from the pipeline (rule R11).
    #[error("the kernel of cell {} panicked: {sentence}", .removed.cell)]
    Panicked {
        /// The cell, to be loaded again.
        removed: Removed,
        /// What the panic said.
        sentence: String,
    },
}

/// A cell that was taken out of a pipeline, with all of it that was not committed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Removed {
    /// Which one.
    pub cell: CellId,
    /// What to [`insula_kernel::Kernel::resume`] with when it is loaded again under the same epoch; none
    /// if it had been removed before.
    pub numbering: Option<Numbering>,
}
