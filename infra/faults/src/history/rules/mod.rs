//! The rules, one file per subject, each a function from the story of a run to violations.

pub(super) mod durability;
pub(super) mod launches;
pub(super) mod offers;
pub(super) mod outages;
pub(super) mod processes;
mod story;
#[cfg(test)]
mod tests;
pub(super) mod updates;

pub(super) use story::{Story, Task};

use super::Violation;

fn violation(rule: &'static str, subject: &str, what: impl Into<String>) -> Violation {
    Violation {
        rule,
        subject: subject.to_owned(),
        what: what.into(),
    }
}
