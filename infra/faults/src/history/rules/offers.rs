//! An offer is used once.

use std::collections::BTreeMap;

use super::{Story, violation};
use crate::history::{Seen, Violation};

const ONCE: &str = "an offer is used at most once";

pub(crate) fn check(story: &Story<'_>) -> Vec<Violation> {
    let mut uses: BTreeMap<&str, Vec<&[String]>> = BTreeMap::new();
    for entry in &story.evidence.entries {
        if let Seen::Accepted { offer, tasks, .. } = &entry.what {
            let started = |task: &String| {
                let told = story.tasks.get(task.as_str());
                told.is_some_and(|task| !task.starts.is_empty())
            };
            if tasks.iter().any(started) {
                uses.entry(offer).or_default().push(tasks);
            }
        }
    }
    let twice = uses.into_iter().filter(|(_, uses)| uses.len() > 1);
    twice
        .map(|(offer, uses)| violation(ONCE, offer, format!("started all of {uses:?}")))
        .collect()
}
