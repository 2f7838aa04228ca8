//! The judgement of a run.

use std::fmt;

use super::rules::{Story, durability, launches, offers, outages, processes, updates};
use super::{Evidence, Rows};

/// Something that must never happen, and has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// The rule, as a sentence.
    pub rule: &'static str,
    /// The task or offer that it happened to.
    pub subject: String,
    /// What is known of it.
    pub what: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}: {}", self.rule, self.subject, self.what)
    }
}

/// Everything in a run that must not have happened; empty for a good one.
#[must_use]
pub fn violations(evidence: &Evidence) -> Vec<Violation> {
    let story = Story::of(evidence);
    if evidence.rows == Rows::PutBack {
        return [launches::once(&story), offers::check(&story)].concat();
    }
    [
        launches::check(&story),
        updates::check(&story),
        offers::check(&story),
        durability::check(&story),
        processes::check(&story),
        outages::check(&story),
    ]
    .concat()
}
