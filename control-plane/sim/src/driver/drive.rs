//! Driving the pipeline: inputs in, commits to the store and back, effects out.

use insula_kernel::input::Excused;
use insula_kernel::{Input, invariant};
use insula_pipeline::{Envelope, InputError, SenderId};
use insula_types::{CellId, Span, Time};

use super::{Driver, DriverId, InFlight, Incoming};
use crate::check::{Violation, blame, resources, rows};
use crate::event::Event;
use crate::store::{Answer, TransactionId};
use crate::world::World;

/// What one turn of a driver's loop takes at least, so that a kernel whose timer is always due does
/// not stop time.
const TURN: Span = Span(50);

/// A commit that takes longer than this hid whoever spoke meanwhile.
const LONG: Span = Span::from_secs(1);

impl World {
    /// Hands an input over; it waits while the pipeline is full.
    pub(crate) fn driver_input(
        &mut self,
        id: DriverId,
        mut incoming: Incoming,
    ) -> Result<(), Violation> {
        let Some(driver) = self.driver_mut(id) else {
            return Ok(());
        };
        driver.note_route(&mut incoming);
        if driver.pipeline.is_full() || !driver.inbox.is_empty() {
            driver.inbox.push_back(incoming);
            return Ok(());
        }
        self.step(id, incoming)?;
        self.pump(id)
    }

    fn step(&mut self, id: DriverId, mut incoming: Incoming) -> Result<(), Violation> {
        let repeated = self.ctx.options.repeated_input;
        let is_timer = matches!(incoming.input, Input::Timer);
        let repeats = self.ctx.fault(repeated) && !is_timer;
        let now = self.ctx.now;
        let Some(driver) = self.driver_mut(id) else {
            return Ok(());
        };
        let now = driver.clock(now);
        driver.steps += 1;
        if let Some(request) = incoming.input.request_mut()
            && let Some(question) = driver.questions.get_mut(request)
        {
            question.step = Some(driver.steps);
        }
        let cell = incoming.cell.clone();
        let envelope = driver.envelope(incoming, repeats);
        let result = driver.pipeline.input(now, envelope.clone());
        if repeats && result.is_ok() {
            // Its mark says that it was applied.
            let _ = driver.pipeline.input(now, envelope);
        }
        match result {
            Ok(()) => {}
            // A poisoned pipeline takes nothing; its driver ends with the answer that is under way. A
            // cell that is loaded again takes nothing for a moment.
            Err(InputError::Poisoned(_) | InputError::CellUnknown(_)) => return Ok(()),
            Err(panicked @ InputError::Panicked { .. }) => {
                return Err(Violation::new("no kernel panics", panicked));
            }
        }
        self.check_kernel(id, &cell)
    }

    fn check_kernel(&mut self, id: DriverId, cell: &CellId) -> Result<(), Violation> {
        let checks_quota = self.ctx.options.weights.set_role > 0;
        let Some(driver) = self.driver_mut(id) else {
            return Ok(());
        };
        let (Some(kernel), Some(known)) =
            (driver.pipeline.kernel(cell), driver.cells.get_mut(cell))
        else {
            return Ok(());
        };
        invariant::check(kernel)
            .map_err(|found| Violation::new("the kernel's invariants hold", found))?;
        if checks_quota {
            known
                .quota
                .a_limit_is_never_exceeded_by_what_is_new(kernel)?;
        }
        Ok(())
    }

    /// Moves everything that can move: effects out, a commit to the store, waiting inputs in.
    pub(crate) fn pump(&mut self, id: DriverId) -> Result<(), Violation> {
        self.reload_cells(id)?;
        loop {
            self.release(id)?;
            self.begin_commit(id)?;
            let Some(driver) = self.driver_mut(id) else {
                return Ok(());
            };
            if driver.pipeline.is_full() {
                break;
            }
            let Some(incoming) = driver.inbox.pop_front() else {
                break;
            };
            self.step(id, incoming)?;
        }
        self.set_driver_timer(id);
        self.give_if_idle(id)
    }

    fn begin_commit(&mut self, id: DriverId) -> Result<(), Violation> {
        let refuses = self.ctx.options.commit_refused;
        let (is_bad, drawn) = (self.ctx.fault(refuses), self.ctx.rng.next());
        let now = self.ctx.now;
        let Some(driver) = self.driver_mut(id) else {
            return Ok(());
        };
        let Some(commit) = driver.pipeline.poll_commit() else {
            return Ok(());
        };
        let mut blamed = Vec::new();
        for (cell, records) in &commit.cells {
            if let Some(known) = driver.cells.get_mut(cell) {
                blamed.extend(
                    records
                        .iter()
                        .filter_map(|record| blame::of(&known.shadow, id.epoch, cell, record)),
                );
                records.iter().for_each(|record| known.shadow.apply(record));
            }
        }
        for blame in &mut blamed {
            blame.at = driver.world_time(blame.at);
        }
        if is_bad && driver.bad.is_none() && !commit.cells.is_empty() {
            let index = usize::try_from(drawn).unwrap_or(0) % commit.cells.len();
            driver.bad = Some(commit.cells[index].0.clone());
        }
        let bad = driver.bad.clone();
        let bad = bad.filter(|bad| commit.cells.iter().any(|(cell, _)| cell == bad));
        let (number, steps) = (commit.number(), driver.steps);
        let cells: Vec<CellId> = commit.cells.iter().map(|(cell, _)| cell.clone()).collect();
        let is_part = !driver.divided.is_empty();
        driver.divided.retain(|cell| !cells.contains(cell));
        self.ctx
            .note(id, format_args!("commit {number} of {cells:?}"));
        // Its kernel is ahead of a part of an earlier batch.
        for cell in cells.iter().filter(|_| !is_part) {
            self.check_rows(id, cell)?;
        }
        for blame in blamed {
            self.nobody_is_blamed_for_our_outages(&blame)?;
        }
        let transaction = self.store.begin(&mut self.ctx, id, commit, bad);
        if let Some(driver) = self.driver_mut(id) {
            driver.in_flight = Some(InFlight {
                transaction,
                number,
                steps,
                began: now,
            });
        }
        Ok(())
    }

    /// While nothing else of a cell waits, the rows with this commit are the durable part of its
    /// kernel.
    fn check_rows(&mut self, id: DriverId, cell: &CellId) -> Result<(), Violation> {
        let drawn = self.ctx.rng.chance(100);
        let Some(driver) = self.driver(id) else {
            return Ok(());
        };
        let (Some(kernel), Some(known)) = (driver.pipeline.kernel(cell), driver.cells.get(cell))
        else {
            return Ok(());
        };
        rows::the_rows_are_the_durable_part(drawn, kernel, &known.shadow)?;
        resources::what_an_agent_has_adds_up(kernel)
    }

    /// The driver hears what became of its transaction.
    pub(crate) fn driver_hears_of_commit(
        &mut self,
        id: DriverId,
        transaction: TransactionId,
        answer: Answer,
    ) -> Result<(), Violation> {
        let head = self.store.head(id.partition);
        let now = self.ctx.now;
        let Some(driver) = self.driver_mut(id) else {
            return Ok(());
        };
        let Some(in_flight) = driver
            .in_flight
            .take_if(|in_flight| in_flight.transaction == transaction)
        else {
            return Ok(());
        };
        let happened = match answer {
            Answer::Committed => true,
            Answer::Failed => false,
            Answer::Refused(commit) => return self.commit_is_refused(id, *commit),
            // Read from the head, never guessed (rule R2). A transaction that is still open then can
            // only be fenced off, which the reload under a new epoch does.
            Answer::Unknown => head.epoch == id.epoch && head.commit_no == in_flight.number,
        };
        if !happened {
            driver.pipeline.commit_failed();
            return self.driver_ends(id, "its commit failed");
        }
        driver.fenced = in_flight.steps;
        driver
            .pipeline
            .committed(in_flight.number)
            .map_err(|error| {
                Violation::new("a commit that happened is known to its pipeline", error)
            })?;
        if now.since(in_flight.began) > LONG {
            self.excuse_everyone(id)?;
        }
        self.pump(id)
    }

    /// Nobody is to blame for having been silent until now: it was ourselves who did not listen.
    pub(crate) fn excuse_everyone(&mut self, id: DriverId) -> Result<(), Violation> {
        let Some(driver) = self.driver(id) else {
            return Ok(());
        };
        let cells: Vec<CellId> = driver.pipeline.cells().cloned().collect();
        for cell in cells {
            // Before what waits: a timer that is due must not overtake it.
            self.step(id, Incoming::local(cell, Input::Excused(Excused::Everyone)))?;
        }
        self.pump(id)
    }

    pub(crate) fn driver_timer(&mut self, id: DriverId) -> Result<(), Violation> {
        let now = self.ctx.now;
        let Some(driver) = self.driver_mut(id) else {
            return Ok(());
        };
        driver.timer_at = None;
        if driver.giving {
            return self.pump(id);
        }
        if let Some(cell) = driver.due(now) {
            // Queued inputs come before timers (rule R24).
            if !driver.inbox.is_empty() || driver.pipeline.is_full() {
                return self.pump(id);
            }
            return self.driver_input(id, Incoming::local(cell, Input::Timer));
        }
        self.set_driver_timer(id);
        Ok(())
    }

    pub(crate) fn set_driver_timer(&mut self, id: DriverId) {
        let now = self.ctx.now;
        let Some(driver) = self.driver_mut(id) else {
            return;
        };
        // A full pipeline is pumped again when its commit ends.
        if driver.pipeline.is_full() {
            return;
        }
        let Some((_, at)) = driver.pipeline.next_timeout() else {
            return;
        };
        let at = driver.world_time(at).max(now + TURN);
        if driver.timer_at.is_some_and(|set| set <= at) {
            return;
        }
        driver.timer_at = Some(at);
        self.ctx.at(at, Event::DriverTimer(id));
    }
}

impl Driver {
    /// The cell whose timer is due.
    fn due(&self, now: Time) -> Option<CellId> {
        let (cell, at) = self.pipeline.next_timeout()?;
        (at <= self.clock(now)).then(|| cell.clone())
    }

    /// An input of a link has its number; some of this process' own are numbered as well.
    fn envelope(&mut self, incoming: Incoming, repeats: bool) -> Envelope {
        let sender = match incoming.sender {
            Some((link, seq)) => Some((SenderId(link.as_str().into()), seq)),
            None if repeats => {
                self.sent += 1;
                Some((self.sender.clone(), self.sent))
            }
            None => None,
        };
        Envelope {
            cell: incoming.cell,
            sender,
            input: incoming.input,
        }
    }
}
