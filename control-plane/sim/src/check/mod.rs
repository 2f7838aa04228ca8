//! What must hold, one file per subject, one function per rule, named as a sentence.
//!
//! The kernel and the agent core check themselves after every step; what stands here is seen from
//! outside of them: by the store, by the machines' processes, by the frameworks.

pub(crate) mod blame;
pub(crate) mod durable;
pub(crate) mod fence;
pub(crate) mod launches;
pub(crate) mod marks;
pub(crate) mod offers;
pub(crate) mod owners;
pub(crate) mod quota;
pub(crate) mod resources;
pub(crate) mod rows;
pub(crate) mod starts;
pub(crate) mod terminal;
pub(crate) mod traces;

use std::fmt;

/// A rule that was broken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// The rule, as a sentence.
    pub rule: &'static str,
    /// What was found instead.
    pub found: String,
}

impl Violation {
    pub(crate) fn new(rule: &'static str, found: impl fmt::Display) -> Self {
        Self {
            rule,
            found: found.to_string(),
        }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\" does not hold: {}", self.rule, self.found)
    }
}

/// Fails with the rule and what was found unless the condition holds.
pub(crate) fn must(
    holds: bool,
    rule: &'static str,
    found: impl FnOnce() -> String,
) -> Result<(), Violation> {
    if holds {
        return Ok(());
    }
    Err(Violation {
        rule,
        found: found(),
    })
}

/// The checks that remember something.
#[derive(Debug, Default)]
pub(crate) struct Checks {
    pub(crate) durable: durable::Durable,
    pub(crate) starts: starts::Starts,
    pub(crate) launches: launches::Launches,
    pub(crate) marks: marks::Retried,
    pub(crate) offers: offers::Made,
    pub(crate) owners: owners::Owners,
    pub(crate) traces: traces::Traces,
}
