//! Stepping what waits: cells in turns, inputs before timers.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use insula_kernel::Input;
use insula_pipeline::{Envelope, InputError, Poisoned};
use insula_telemetry::Span;
use insula_telemetry::names::key;
use insula_types::CellId;

use super::Unavailable;
use super::cells::{Asker, Origin, Work};
use super::handle::Question;
use super::live::Live;
use super::marks;
use super::strikes::Culprit;
use super::traces::{wanted, whose};
use crate::metrics;

/// Most that is stepped before outputs and timers get their turn.
const STEPS_PER_TURN: usize = 256;

/// How long that may take: with it, a commit that has come back waits no longer.
const TURN: Duration = Duration::from_millis(5);

impl Live {
    /// Steps one turn of what waits, and then a timer that is due. Queued inputs come before timers
    /// (rule R24), but only one turn of them.
    pub(super) fn step_turn(&mut self) -> Result<(), Poisoned> {
        let begun = Instant::now();
        let mut last = begun;
        for _ in 0..STEPS_PER_TURN {
            if self.pipeline.is_full() || last.duration_since(begun) > TURN {
                break;
            }
            let Some((cell, queued)) = self.cells.pop() else {
                break;
            };
            match queued.work {
                Work::Query(question) => self.answer(&cell, question),
                Work::Input(input, asker) => {
                    // Ends when the step is done.
                    let _span = self.named(&cell, &input, queued.span);
                    self.step(&cell, input, asker, queued.origin.as_ref())?;
                }
            }
            let now = Instant::now();
            self.cells.charge(&cell, now.duration_since(last));
            last = now;
        }
        self.busy(last.duration_since(begun));
        self.step_timer(last)
    }

    /// Says on an input's span whose it is.
    fn named(&self, cell: &CellId, input: &Input, span: Span) -> Span {
        if !span.is_recorded() {
            return span;
        }
        let mut span = span.with_id(key::CELL, cell);
        let kernel = self.pipeline.kernel(cell);
        if let Some(task) = wanted(input, kernel) {
            span.link(task);
        }
        match whose(input, kernel) {
            Some(tenant) => span.of(tenant),
            None => span,
        }
    }

    fn step_timer(&mut self, begun: Instant) -> Result<(), Poisoned> {
        let now = self.clock.now();
        let due = self.pipeline.next_timeout().filter(|(_, at)| *at <= now);
        let Some((cell, _)) = due.filter(|_| !self.pipeline.is_full()) else {
            return Ok(());
        };
        let cell = cell.clone();
        let before = self.allocations(&cell);
        self.step(&cell, Box::new(Input::Timer), Asker::Nobody, None)?;
        let took = begun.elapsed();
        self.cells.charge(&cell, took);
        self.busy(took);
        if self.allocations(&cell) != before {
            self.outputs.measures().allocation.took((), took);
        }
        Ok(())
    }

    fn allocations(&self, cell: &CellId) -> Option<u64> {
        Some(self.pipeline.kernel(cell)?.allocations())
    }

    fn busy(&self, time: Duration) {
        let micros = u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        self.outputs.measures().busy.add((), micros);
    }

    fn step(
        &mut self,
        cell: &CellId,
        mut input: Box<Input>,
        asker: Asker,
        origin: Option<&Origin>,
    ) -> Result<(), Poisoned> {
        self.outputs.measures().inputs.one(metrics::input(&input));
        let request = self.outputs.expect(cell, &mut input, asker);
        // Should the kernel panic on it, this is what it panicked on.
        let copy = input.clone();
        let envelope = Envelope {
            cell: cell.clone(),
            sender: origin.map(|origin| (marks::sender(&origin.link, cell), origin.seq)),
            input: *input,
        };
        let Err(error) = self.pipeline.input(self.clock.now(), envelope) else {
            return Ok(());
        };
        if let Some(origin) = origin
            && let Some(progress) = self.outputs.links.progress(&origin.link)
        {
            progress.refuse(cell, origin.seq);
        }
        let reason = error.to_string();
        if let Some(request) = request {
            let unavailable = Unavailable {
                uncertain: false,
                reason: Some(reason.as_str().into()),
            };
            self.outputs.refuse(request, unavailable);
        }
        match error {
            InputError::Poisoned(poisoned) => return Err(poisoned),
            InputError::CellUnknown(_) => {}
            InputError::Panicked { removed, .. } => {
                self.cell_failed(removed, Culprit::Input(copy), &reason);
            }
        }
        Ok(())
    }

    /// Answers a question about a kernel. A panic in it has changed nothing and concerns only whoever
    /// asked.
    fn answer(&self, cell: &CellId, question: Question) {
        let Some(kernel) = self.pipeline.kernel(cell) else {
            return;
        };
        if catch_unwind(AssertUnwindSafe(|| question(kernel))).is_err() {
            tracing::error!(%cell, "a question about the kernel panicked");
        }
    }
}
