//! An outage of the control plane is not one of the agents.

use super::{Story, violation};
use crate::history::{Outages, Violation};

const REACHABLE: &str = "nobody is declared unreachable by an outage of the control plane";

pub(crate) fn check(story: &Story<'_>) -> Vec<Violation> {
    if story.evidence.outages == Outages::OfAgents {
        return Vec::new();
    }
    let told = story.tasks.iter().filter(|(_, task)| {
        let mut updates = task.updates.iter();
        updates.any(|update| update.state.is_unreachable())
    });
    told.map(|(id, _)| violation(REACHABLE, id, "TASK_UNREACHABLE"))
        .collect()
}
