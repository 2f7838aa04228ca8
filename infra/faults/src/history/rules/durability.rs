//! What was acknowledged is in the database.

use super::{Story, Task, violation};
use crate::history::{Rows, Violation};

const KEPT: &str = "an accepted launch is in the database";
const SAME: &str = "the database and the framework agree on the end";
const REFUSED: &str = "a launch that was refused is not in the database";

pub(crate) fn check(story: &Story<'_>) -> Vec<Violation> {
    if story.evidence.rows == Rows::Unknown {
        return Vec::new();
    }
    let launched = story.tasks.iter().filter(|(_, task)| task.launch.is_some());
    launched.flat_map(|(id, task)| of(id, task)).collect()
}

fn of(id: &str, task: &Task<'_>) -> Option<Violation> {
    let Some(row) = task.rows.last() else {
        // A launch with an invalid offer or description is answered at once and leaves no row.
        let answered = task
            .updates
            .iter()
            .any(|update| update.uuid.is_none() && update.state.is_gone());
        let lost = task.is_taken() && !answered || !task.starts.is_empty();
        return lost.then(|| violation(KEPT, id, "it is not"));
    };
    if !task.is_taken() && matches!(task.launch, Some(answer) if answer.is_refusal()) {
        return Some(violation(REFUSED, id, format!("as {}", row.state.name())));
    }
    let told = task.end()?;
    let differs = row.state != *told && task.updates.iter().any(|u| u.uuid.is_some());
    differs.then(|| {
        let what = format!("{} there, {} here", row.state.name(), told.name());
        violation(SAME, id, what)
    })
}
