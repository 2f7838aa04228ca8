//! What was launched starts once, or is said not to have started.

use super::{Story, Task, violation};
use crate::history::{Answer, Violation};

const ONCE: &str = "a task starts at most once";
const ACCOUNTED: &str = "an accepted launch starts, or is reported as lost";
const REFUSED: &str = "a launch that was refused never starts";
const TRUE: &str = "a task that never started has not finished";

pub(crate) fn check(story: &Story<'_>) -> Vec<Violation> {
    let tasks = story.tasks.iter();
    tasks.flat_map(|(id, task)| of(id, task)).collect()
}

/// Only the rule that holds whatever becomes of the database.
pub(crate) fn once(story: &Story<'_>) -> Vec<Violation> {
    let tasks = story.tasks.iter();
    tasks.filter_map(|(id, task)| twice(id, task)).collect()
}

fn twice(id: &str, task: &Task<'_>) -> Option<Violation> {
    if task.starts.len() < 2 {
        return None;
    }
    let pids: Vec<_> = task.starts.iter().map(|start| start.pid).collect();
    let launches: Vec<_> = task.starts.iter().map(|start| &start.launch).collect();
    let what = format!("started as {launches:?}, processes {pids:?}");
    Some(violation(ONCE, id, what))
}

fn of(id: &str, task: &Task<'_>) -> Vec<Violation> {
    let mut found: Vec<_> = twice(id, task).into_iter().collect();
    if !task.starts.is_empty() {
        if let Some(answer @ (Answer::Refused { .. } | Answer::NotSent)) = task.launch {
            found.push(violation(REFUSED, id, format!("{answer:?}")));
        }
        return found;
    }
    let gone = task.updates.iter().any(|update| update.state.is_gone());
    if task.is_taken() && !gone {
        found.push(violation(
            ACCOUNTED,
            id,
            format!("never started; last heard {:?}", last_state(task)),
        ));
    }
    if task.updates.iter().any(|update| update.state.is_finished()) {
        found.push(violation(TRUE, id, "reported as finished"));
    }
    found
}

fn last_state<'a>(task: &Task<'a>) -> Option<&'a str> {
    task.updates.last().map(|update| update.state.name())
}
