//! What follows from a record beside its effects: log lines, spans, figures.

use insula_agent_core::{Core, Record};

use super::spans::Spans;
use crate::figures::Figures;
use crate::task::Stdins;

/// Spans and the log follow what has become true.
pub(super) fn note(record: &Record, core: &Core, spans: &mut Spans) {
    match record {
        Record::Updated { launch, update } => {
            spans.updated(core, *launch, update);
            if let Some(task) = core.task(*launch).filter(|_| update.state.is_terminal()) {
                let (state, trace_id) = (update.state.as_str(), task.trace.trace_id_text());
                let why = update.message.as_str();
                tracing::info!(%launch, task = %task.task, state, why, trace_id, "a task ended");
            }
        }
        Record::Forgotten { launch, .. } => spans.forgotten(*launch),
        _ => {}
    }
}

/// From the arrival of a launch to the task that runs.
pub(super) fn measure(record: &Record, core: &Core, figures: &Figures) {
    let Record::Updated { launch, update } = record else {
        return;
    };
    let task = core.task(*launch).filter(|_| !update.state.is_terminal());
    if let Some((task, received)) = task.and_then(|task| Some((task, task.received?))) {
        let took = update.started.unwrap_or(update.at).since(received);
        figures.launched(task.kind, took.into());
    }
}

/// A task that has ended reads no more.
pub(super) fn note_end(record: &Record, stdins: &Stdins) {
    if let Record::Updated { launch, update } = record
        && update.state.is_terminal()
    {
        drop(stdins.take(*launch));
    }
}
