//! An offer is one owner's, and is made once (rule R19).

use std::collections::BTreeSet;

use insula_types::message::Offer;
use insula_types::{CellId, FrameworkKey, OfferId};

use super::{Violation, must};

/// All offers that were ever made.
#[derive(Debug, Default)]
pub(crate) struct Made(BTreeSet<(CellId, OfferId)>);

impl Made {
    /// No id is given twice, by whichever owner, however often its cell was loaded.
    pub(crate) fn are_made_once(
        &mut self,
        cell: &CellId,
        framework: &FrameworkKey,
        offers: &[Offer],
    ) -> Result<(), Violation> {
        for offer in offers {
            must(
                self.0.insert((cell.clone(), offer.id)),
                "an offer is made once",
                || format!("{framework} is offered {} again", offer.id),
            )?;
        }
        Ok(())
    }
}
