//! Decisions about a task, from the events that the owner of its cell still remembers.

use insula_proto::rest::{Event, TraceNote, TraceStart};

use super::super::events::may_see;
use crate::auth::TenantContext;
use crate::service::Service;

/// Notes of one start: a request that waits for long is decided on again and again.
const NOTES_MAX: usize = 50;

/// Adds to each start what was decided about it, the newest if there is too much.
pub(super) fn add(
    service: &Service,
    context: &TenantContext,
    id: &str,
    framework: &str,
    starts: &mut [TraceStart],
) {
    let Ok(log) = service.events.of(&context.cell) else {
        return;
    };
    let (past, _) = log.watch(usize::MAX);
    let of_task = past.iter().filter(|seen| {
        may_see(&context.tenant, seen)
            && seen.event.task.as_deref() == Some(id)
            && seen.event.framework.as_deref() == Some(framework)
    });
    for event in of_task.map(|seen| &seen.event) {
        if let Some(text) = decision(event)
            && let Some(start) = at_that_time(starts, event.at)
        {
            let at = Some(event.at);
            start.notes.push(TraceNote { at, text });
        }
    }
    for start in starts {
        let excess = start.notes.len().saturating_sub(NOTES_MAX);
        start.notes.drain(..excess);
    }
}

/// The start that was the current one then.
fn at_that_time(starts: &mut [TraceStart], at: u64) -> Option<&mut TraceStart> {
    let has_begun =
        |start: &&mut TraceStart| start.steps.first().is_some_and(|step| step.from <= at);
    starts.iter_mut().rev().find(has_begun)
}

/// What an event decided, unless a step of the timeline says the same.
fn decision(event: &Event) -> Option<String> {
    let is_step = matches!(
        event.event.as_str(),
        "task_submitted" | "task_launched" | "task_updated" | "task_acknowledged"
    );
    if is_step {
        return None;
    }
    let what = event.event.trim_start_matches("task_").replace('_', " ");
    if event.message.is_empty() {
        return Some(what);
    }
    Some(format!("{what}: {}", event.message))
}
