//! What is said of a task is true of its process.

use super::{Story, Task, violation};
use crate::history::Violation;

const OVER: &str = "no task is reported as over while its process runs";
const LEFT: &str = "no process outlives the end of its task";
const ENDLESS: &str = "a task that nobody killed runs on";
const WELL: &str = "a task that ended well is reported so";

pub(crate) fn check(story: &Story<'_>) -> Vec<Violation> {
    let mut found = Vec::new();
    for (id, task) in &story.tasks {
        found.extend(reported_while_it_runs(id, task));
        found.extend(ended_unasked(id, task));
        if task.end().is_some() && story.evidence.alive.contains(*id) {
            found.push(violation(LEFT, id, "it still runs"));
        }
        if task.ended_well && task.end().is_some_and(|state| !state.is_finished()) {
            found.push(violation(WELL, id, format!("{:?}", task.end())));
        }
    }
    found
}

fn reported_while_it_runs(id: &str, task: &Task<'_>) -> Option<Violation> {
    let wrong = task
        .updates
        .iter()
        .find(|update| update.state.is_gone() && update.alive == Some(true))?;
    let what = format!("{} ({})", wrong.state.name(), wrong.reason);
    Some(violation(OVER, id, what))
}

/// Every command of a run ends well or never, so any other end was somebody else's doing.
fn ended_unasked(id: &str, task: &Task<'_>) -> Option<Violation> {
    let started = !task.starts.is_empty();
    let end = task.end()?;
    let wrong = started && !task.killed && (task.endless || !end.is_finished());
    wrong.then(|| violation(ENDLESS, id, end.name()))
}
