//! Progress: once faults stop and everything is connected again, everything that was begun ends.

use insula_kernel::Kernel;
use insula_types::record::{AgentState, RequestRow};
use insula_types::{CellId, Resources, Span, TaskKind};

use crate::check::Violation;
use crate::machine::Machine;
use crate::submitter::Submitter;
use crate::world::World;

/// How often somebody looks whether everything has ended.
const LOOK_EVERY: Span = Span::from_secs(5);

/// How long it may take since a process was started last. The longest chain is: a machine is off and comes back, its agent waits out a
/// retry of several minutes, an outage of ours delays that others count as unreachable by five
/// minutes, a framework's failover timeout runs out, its tasks are killed.
const PATIENCE: Span = Span::from_secs(1_800);

/// Far more events than half an hour of such a small cell makes: a cell that is busy without end is
/// found before the time is up.
const EVENTS_MAX: u64 = 500_000;

impl World {
    /// Stops all faults and lets time pass until everything has ended.
    pub(crate) fn quiesce(&mut self) -> Result<(), Violation> {
        self.ctx.calm = true;
        self.network.heal();
        self.store.down_until = self.ctx.now;
        self.broker.comes_back(&self.ctx);
        self.ctx.note("faults", format_args!("stop"));
        let mut began = self.ctx.now;
        let mut starts = self.checks.starts.count();
        let mut events = 0;
        let mut look_at = began;
        loop {
            if self.ctx.now >= look_at {
                look_at = self.ctx.now + LOOK_EVERY;
                // Requests that wait for each other's resources are served one by one.
                let count = self.checks.starts.count();
                if std::mem::replace(&mut starts, count) < count {
                    began = self.ctx.now;
                    events = 0;
                }
                let Some(unsettled) = self.unsettled() else {
                    self.ctx.note("everything", format_args!("has ended"));
                    return Ok(());
                };
                if self.ctx.now.since(began) > PATIENCE || events > EVENTS_MAX {
                    return Err(Violation::new(
                        "everything that was begun ends once faults have stopped",
                        format!("after {} {unsettled}", self.ctx.now.since(began)),
                    ));
                }
            }
            events += 1;
            match self.next() {
                Some(result) => result?,
                None => {
                    return Err(Violation::new(
                        "a world with heartbeats never stands still",
                        "there are no events",
                    ));
                }
            }
        }
    }

    /// What has not ended, the most basic first.
    fn unsettled(&self) -> Option<String> {
        for (cell, partition) in &self.cells {
            if self.driver_of(*partition).is_none() {
                return Some(format!("nobody owns the partition of {cell}"));
            }
        }
        if let Some(text) = self.machines.iter().find_map(unsettled_machine) {
            return Some(text);
        }
        for (number, framework) in self.frameworks.iter().enumerate() {
            if let Some(what) = framework.waits_for() {
                return Some(format!("framework-{number} waits for {what}"));
            }
        }
        if !self.submitters.iter().all(Submitter::is_content) {
            return Some("a person waits for an answer".to_owned());
        }
        self.cells.iter().find_map(|(cell, partition)| {
            let driver = self.driver_of(*partition)?;
            if driver.is_behind() {
                return Some(format!("the pipeline of {cell} is busy"));
            }
            match driver.pipeline.kernel(cell) {
                Some(kernel) => self.unsettled_cell(cell, kernel),
                None => Some(format!("{cell} is not loaded")),
            }
        })
    }

    fn unsettled_cell(&self, cell: &CellId, kernel: &Kernel) -> Option<String> {
        let rows = kernel.rows();
        if let Some(task) = rows.tasks.first() {
            return Some(format!("the cell still has {task:?}"));
        }
        if let Some(request) = rows
            .requests
            .iter()
            .find(|row| self.fits_somewhere(cell, row))
        {
            return Some(format!("{} waits and would fit", request.request.task));
        }
        for (row, view) in rows.agents.iter().zip(kernel.agents_view()) {
            let whole = Resources::sum([&view.free, &view.offered]);
            if row.state != AgentState::Registered || !view.connected || view.held.is_some() {
                return Some(format!("{view:?} is not back"));
            }
            if whole != row.info.resources || !view.used.is_empty() || !view.excess.is_empty() {
                return Some(format!(
                    "{view:?} of {} is not all free",
                    row.info.resources
                ));
            }
        }
        None
    }

    fn fits_somewhere(&self, cell: &CellId, row: &RequestRow) -> bool {
        let request = &row.request;
        self.machines.iter().any(|machine| {
            let info = machine.info();
            machine.cell == *cell
                && info.resources.contains(&request.resources)
                && runs(machine, request.kind)
                && request
                    .constraints
                    .iter()
                    .all(|constraint| info.attributes.contains(constraint))
        })
    }
}

fn runs(machine: &Machine, kind: TaskKind) -> bool {
    let capabilities = &machine.info().capabilities;
    match kind {
        TaskKind::Native => capabilities.native,
        TaskKind::Wasm => capabilities.wasm,
    }
}

fn unsettled_machine(machine: &Machine) -> Option<String> {
    let id = &machine.id;
    let Some(agent) = &machine.agent else {
        return Some(format!("{id} is off"));
    };
    if !agent.core.is_registered() {
        return Some(format!("{id} is not registered"));
    }
    if let Some(task) = agent.core.live().next() {
        return Some(format!("{id} still has {} ({})", task.launch, task.task));
    }
    if agent.core.has_pending_updates() {
        return Some(format!("{id} waits for an acknowledgement"));
    }
    let held = machine.shepherd.held.keys().next();
    held.map(|launch| format!("{id} still holds a process of {launch}"))
}
