//! What every part of the simulated world shares: time, chance, the queue of events, the history.

use std::fmt;

use insula_types::{Span, Time};

use crate::event::{Event, Queue};
use crate::history::{History, START};
use crate::options::Options;
use crate::rng::Rng;

/// See the module.
#[derive(Debug)]
pub(crate) struct Context {
    pub(crate) now: Time,
    pub(crate) rng: Rng,
    pub(crate) options: Options,
    /// Whether faults have stopped for good.
    pub(crate) calm: bool,
    pub(crate) queue: Queue,
    pub(crate) history: History,
}

impl Context {
    pub(crate) fn new(rng: Rng, options: Options, history: History) -> Self {
        Self {
            now: START,
            rng,
            options,
            calm: false,
            queue: Queue::default(),
            history,
        }
    }

    pub(crate) fn at(&mut self, at: Time, event: Event) {
        self.queue.push(at.max(self.now), event);
    }

    pub(crate) fn after(&mut self, span: Span, event: Event) {
        self.queue.push(self.now + span, event);
    }

    /// After a random time of `low..=high` milliseconds.
    pub(crate) fn within(&mut self, low: u64, high: u64, event: Event) {
        let span = self.rng.millis(low, high);
        self.after(span, event);
    }

    /// Whether a fault happens that happens so many times in a thousand; never once it is calm.
    pub(crate) fn fault(&mut self, per_mille: u32) -> bool {
        !self.calm && self.rng.chance(per_mille)
    }

    pub(crate) fn note(&mut self, who: impl fmt::Display, what: fmt::Arguments<'_>) {
        self.history.note(self.now, &who, what);
    }
}
