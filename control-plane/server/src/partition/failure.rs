//! One cell fails, and the others go on (rule R11).

use std::sync::Arc;
use std::time::Instant;

use insula_kernel::Kernel;
use insula_pipeline::Removed;
use insula_types::CellId;

use super::Unavailable;
use super::live::Live;
use super::load::Failed;
use super::loader::Loaded;
use super::status::Stage;
use super::strikes::Culprit;

impl Live {
    /// A cell was taken out of the pipeline, because its kernel panicked or the database refused its
    /// changes. It is loaded again under the same epoch; if it fails too often, it is quarantined and
    /// what it failed on is written down.
    pub(super) fn cell_failed(&mut self, removed: Removed, culprit: Culprit, reason: &str) {
        let cell = removed.cell;
        self.outputs.measures().cell_failures.one(());
        // What of it is on its way to the store may still be committed.
        let unavailable = Unavailable {
            uncertain: self.pipeline.is_being_committed(&cell),
            reason: Some(reason.into()),
        };
        self.outputs.fail_cell(&cell, &unavailable);
        let letter = format!("{culprit:?}");
        let strikes = self.cells.strikes(&cell);
        let is_too_often = strikes.is_some_and(|strikes| strikes.strike(Instant::now(), culprit));
        let reason: Arc<str> = reason.into();
        if is_too_often {
            self.quarantine(&cell, &reason, &letter);
        } else {
            tracing::error!(%cell, %reason, "a cell is loaded anew; the others go on");
            self.cells.set_stage(&cell, Stage::Loading(Some(reason)));
            self.loader.add(cell.clone(), removed.numbering);
        }
        for queued in self.cells.empty(&cell) {
            self.refuse(&cell, queued);
        }
    }

    /// The cell is not served any more under this epoch. Everything that is needed to find out why is
    /// in the log: the letter has the input or the database's words.
    fn quarantine(&mut self, cell: &CellId, reason: &Arc<str>, letter: &str) {
        tracing::error!(
            %cell,
            %reason,
            epoch = %self.epoch,
            letter,
            "a cell failed too often and is quarantined until its partition is taken anew"
        );
        let reason = format!("this cell is quarantined because it failed too often: {reason}");
        self.cells
            .set_stage(cell, Stage::Quarantined(reason.into()));
        self.outputs.reset_cell(cell, self.epoch);
    }

    /// A load of a cell has ended. What its sessions were told by another kernel counts no more.
    pub(super) fn cell_loaded(&mut self, loaded: Loaded) -> Result<(), insula_store::Error> {
        let cell = loaded.cell;
        match loaded.result {
            Ok(kernel) => self.serve_cell(cell, *kernel),
            Err(failed) => {
                let error: &dyn std::error::Error = &failed;
                tracing::error!(error, %cell, "a cell cannot be loaded; trying again");
                let reason = format!("this cell cannot be loaded: {}", sentence(error));
                self.cells
                    .set_stage(&cell, Stage::Loading(Some(reason.into())));
                if let Failed::Store(error) = failed {
                    return Err(error);
                }
            }
        }
        Ok(())
    }

    fn serve_cell(&mut self, cell: CellId, kernel: Kernel) {
        if let Err(occupied) = self.pipeline.add_cell(cell.clone(), kernel) {
            // The rows were read while something of it was being committed: they may be older.
            tracing::error!(%occupied, "a cell was loaded too early and is loaded again");
            self.loader.add(cell, None);
            return;
        }
        self.cells.set_stage(&cell, Stage::Serving);
        self.outputs.reset_cell(&cell, self.epoch);
        tracing::info!(%cell, epoch = %self.epoch, "a cell is served");
    }
}

/// An error with its causes.
pub(super) fn sentence(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}
