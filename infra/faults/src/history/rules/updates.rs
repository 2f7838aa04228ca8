//! Updates arrive until they are acknowledged, and an end is an end.

use super::{Story, Task, violation};
use crate::history::{Rows, Violation};

const DELIVERED: &str = "the end of a task that started is delivered";
const ACKNOWLEDGED: &str = "the last update with a uuid is acknowledged";
const SETTLED: &str = "an end that was acknowledged is not delivered again";
const FINAL: &str = "an end never changes";

pub(crate) fn check(story: &Story<'_>) -> Vec<Violation> {
    let launched = story.tasks.iter().filter(|(_, task)| task.launch.is_some());
    launched
        .flat_map(|(id, task)| {
            let all = [
                delivered(id, task),
                acknowledged(id, task),
                settled(id, task),
                changed(id, task),
            ];
            all.into_iter().flatten()
        })
        .filter(|found| found.rule != SETTLED || story.evidence.rows != Rows::Unknown)
        .collect()
}

fn delivered(id: &str, task: &Task<'_>) -> Option<Violation> {
    let told = task
        .updates
        .iter()
        .any(|update| update.uuid.is_some() && update.state.is_over());
    (!task.starts.is_empty() && !told).then(|| {
        let heard: Vec<_> = task.updates.iter().map(|u| u.state.name()).collect();
        violation(DELIVERED, id, format!("heard only {heard:?}"))
    })
}

fn acknowledged(id: &str, task: &Task<'_>) -> Option<Violation> {
    let last = task.updates.iter().rev().find_map(|update| update.uuid)?;
    (!task.acknowledged.contains_key(last))
        .then(|| violation(ACKNOWLEDGED, id, format!("{last} was not")))
}

fn settled(id: &str, task: &Task<'_>) -> Option<Violation> {
    let again = task
        .updates
        .iter()
        .find(|update| update.after_the_end && update.uuid.is_some())?;
    Some(violation(SETTLED, id, again.state.name()))
}

/// Two ends of one task must be equal. What a reconciliation says after the end (that nobody knows the
/// task any more, since its end is acknowledged) is no end.
fn changed(id: &str, task: &Task<'_>) -> Option<Violation> {
    let mut ends = task
        .updates
        .iter()
        .filter(|update| update.state.is_over())
        .filter(|update| !update.is_answer_after_the_end)
        .map(|update| update.state);
    let first = ends.next()?;
    let other = ends.find(|state| *state != first)?;
    let what = format!("{} became {}", first.name(), other.name());
    Some(violation(FINAL, id, what))
}
