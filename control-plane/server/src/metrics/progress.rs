//! What can be seen of tasks in what is committed.

use insula_types::Time;
use insula_types::record::Record;

use super::{Measures, kinds};

/// Measures how long tasks take to start. A row is written many times; the clock of the partition says
/// which starts are news.
#[derive(Debug)]
pub(crate) struct Progress {
    /// Starts up to here were seen.
    seen: Time,
}

impl Progress {
    /// Starts from now on are news.
    pub(crate) fn from(now: Time) -> Self {
        Self { seen: now }
    }

    /// These rows were committed.
    pub(crate) fn committed<'a>(
        &mut self,
        records: impl Iterator<Item = &'a Record>,
        measures: &Measures,
    ) {
        let mut seen = self.seen;
        for record in records {
            if let Record::Task(row) = record
                && let Some(started) = row.times.started.filter(|at| *at > self.seen)
            {
                seen = seen.max(started);
                let asked = row.times.submitted.filter(|_| row.attempt == 0);
                let asked = asked.unwrap_or(row.times.accepted);
                let took = started.since(asked);
                measures.start.took(kinds::runs(row.kind), took.into());
            }
        }
        self.seen = seen;
    }
}
