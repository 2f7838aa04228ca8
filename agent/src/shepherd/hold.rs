//! What keeps the processes of one task together, so that none escapes.

use insula_isolation::cgroup::{self, Group, Usage};
use insula_isolation::process::Tree;

use super::error::sentence;

/// A control group where the machine has them; else what can be found in `/proc`.
#[derive(Debug)]
pub(super) enum Hold {
    Group(Group),
    Tree(Tree),
}

impl Hold {
    /// Sends `SIGKILL` to everything. It takes effect soon, and is repeated until [`Hold::clear`] succeeds.
    pub(super) fn kill(&self) {
        match self {
            Hold::Group(group) => {
                if let Err(error) = group.kill() {
                    tracing::warn!(error = sentence(&error), "a control group was not killed");
                }
            }
            Hold::Tree(tree) => {
                tree.kill();
            }
        }
    }

    /// Kills what still lives. Once nothing does, takes the hold away and says what was used; `None` until then.
    pub(super) fn clear(&mut self) -> Option<Usage> {
        match self {
            Hold::Group(group) => clear_group(group).unwrap_or_else(|error| {
                tracing::warn!(error = sentence(&error), "a control group was not removed");
                None
            }),
            Hold::Tree(tree) => tree.clear().then(Usage::default),
        }
    }
}

fn clear_group(group: &Group) -> Result<Option<Usage>, cgroup::Error> {
    if group.is_populated()? {
        group.kill()?;
        return Ok(None);
    }
    let usage = group.usage();
    match group.remove() {
        Ok(()) => Ok(Some(usage)),
        Err(cgroup::Error::StillInUse { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}
