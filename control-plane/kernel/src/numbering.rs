//! A cell that is loaded again under the epoch that it had.

use crate::Kernel;

/// How far a kernel has given out the ids that are unique within an epoch: those of launches and of
/// offers.
///
/// An owner may drop one cell and load it from its rows without giving up the partition (rule R11). The
/// rows do not show how far the dropped kernel had come: what it gave out last was perhaps not
/// committed, and offers never are. The loaded kernel goes on above it, so that an offer of the dropped
/// kernel is none of its own, and a launch id is given once (INV-9).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Numbering {
    launches: u64,
    offers: u64,
}

impl Kernel {
    /// What a kernel that takes this one's place under the same epoch goes on from.
    #[must_use]
    pub fn numbering(&self) -> Numbering {
        Numbering {
            launches: self.launches,
            offers: self.offers.made(),
        }
    }

    /// Gives out no id again that was given out up to there.
    pub fn resume(&mut self, numbering: Numbering) {
        self.launches = self.launches.max(numbering.launches);
        self.offers.resume(numbering.offers);
    }
}
