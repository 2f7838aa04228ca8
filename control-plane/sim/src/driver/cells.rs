//! A cell that is to blame for a refused commit is loaded again, under the same epoch (rule R11).

use insula_kernel::input::Cause;
use insula_kernel::{Input, Kernel};
use insula_pipeline::{Commit, Removed};
use insula_types::CellId;
use insula_types::message::Peer;

use super::{Cell, DriverId, Incoming, Route};
use crate::check::quota::QuotaCheck;
use crate::check::{Violation, rows};
use crate::link::Payload;
use crate::world::World;

impl World {
    /// Divides a batch that the store refused; the cell that is found guilty loses its sessions.
    pub(crate) fn commit_is_refused(
        &mut self,
        id: DriverId,
        commit: Commit,
    ) -> Result<(), Violation> {
        let Some(driver) = self.driver_mut(id) else {
            return Ok(());
        };
        let cells = commit.cells.iter().map(|(cell, _)| cell.clone());
        driver.divided.extend(cells);
        let removed = driver
            .pipeline
            .commit_refused(commit)
            .map_err(|error| Violation::new("a refused commit can be blamed on a cell", error))?;
        if let Some(removed) = removed {
            driver.bad = None;
            driver.divided.remove(&removed.cell);
            let cell = removed.cell.clone();
            driver.removed.push(removed);
            self.ctx.note(id, format_args!("{cell} is to blame"));
            self.end_sessions_of(id, &cell)?;
        }
        self.pump(id)
    }

    fn end_sessions_of(&mut self, id: DriverId, cell: &CellId) -> Result<(), Violation> {
        let Some(mut driver) = self.take_driver(id) else {
            return Ok(());
        };
        driver.routes.retain(|_, (whose, _)| whose != cell);
        driver.inbox.retain(|incoming| incoming.cell != *cell);
        let links: Vec<_> = driver.links.keys().cloned().collect();
        for link in links {
            self.owner_writes(&mut driver, &link, Payload::Reset(cell.clone()));
        }
        self.put_driver(driver);
        self.cell_is_reset(id.replica, cell)
    }

    /// Loads cells again that were taken out, as soon as nothing of them is being committed.
    pub(crate) fn reload_cells(&mut self, id: DriverId) -> Result<(), Violation> {
        let down = self.store.is_down(&self.ctx);
        let Some(driver) = self.driver_mut(id).filter(|_| !down) else {
            return Ok(());
        };
        let pipeline = &driver.pipeline;
        let free = |removed: &mut Removed| !pipeline.is_being_committed(&removed.cell);
        let ready: Vec<Removed> = driver.removed.extract_if(.., free).collect();
        // The rows that are read with the head may be those of a newer owner.
        if !ready.is_empty() && self.store.head(id.partition).epoch != id.epoch {
            return self.driver_ends(id, "its partition has a newer owner");
        }
        for removed in ready {
            self.reload(id, removed)?;
        }
        Ok(())
    }

    fn reload(&mut self, id: DriverId, removed: Removed) -> Result<(), Violation> {
        let cell = removed.cell;
        let Some(shadow) = self.store.table(&cell).cloned() else {
            return Ok(());
        };
        let config = self.ctx.options.kernel.clone();
        let now = self.ctx.now;
        let Some(driver) = self.driver_mut(id) else {
            return Ok(());
        };
        let mut kernel = Kernel::load(config, id.epoch, driver.clock(now), shadow.load());
        kernel.resume(removed.numbering.unwrap_or_default());
        rows::a_loaded_kernel_has_the_rows_of_the_store(&kernel, &shadow)?;
        let quota = QuotaCheck::new(&kernel);
        driver.cells.insert(cell.clone(), Cell { quota, shadow });
        driver
            .pipeline
            .add_cell(cell.clone(), kernel)
            .map_err(|error| Violation::new("a cell that was removed can be added again", error))?;
        self.ctx.note(id, format_args!("{cell} is loaded again"));
        // What was said to it meanwhile, nobody heard.
        self.end_sessions_of(id, &cell)
    }

    /// The sessions that came over a link are over, by no fault of theirs.
    pub(super) fn sessions_are_cut(
        &mut self,
        id: DriverId,
        route: &Route,
    ) -> Result<(), Violation> {
        let Some(driver) = self.driver_mut(id) else {
            return Ok(());
        };
        let ours = driver.routes.extract_if(.., |_, (_, its)| its == route);
        let ended: Vec<(Peer, CellId)> = ours.map(|(peer, (cell, _))| (peer, cell)).collect();
        for (peer, cell) in ended {
            let cause = Cause::ByUs;
            let input = match peer {
                Peer::Agent { agent, session } => Input::AgentDisconnected {
                    agent,
                    session,
                    cause,
                },
                Peer::Framework { framework, session } => Input::FrameworkDisconnected {
                    framework,
                    session,
                    cause,
                },
            };
            self.driver_input(id, Incoming::local(cell, input))?;
        }
        Ok(())
    }
}
