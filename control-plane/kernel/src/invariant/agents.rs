//! Time.

use insula_types::Time;

use crate::Kernel;
use crate::invariant::{Violation, must};

/// INV-16: whoever may be away for too long is watched: a registered agent, a framework without a
/// session.
pub(super) fn silence_and_absence_are_watched(kernel: &Kernel) -> Result<(), Violation> {
    for agent in kernel.agents.iter().filter(|agent| !agent.is_unreachable()) {
        must(agent.check_at < Time::NEVER, 16, || {
            format!("nobody watches whether agent {} is silent", agent.row.agent)
        })?;
    }
    for framework in kernel.frameworks.iter() {
        let deadline = framework.deadline();
        must(deadline != Some(Time::NEVER), 16, || {
            format!("framework {} may be away for ever", framework.key)
        })?;
    }
    Ok(())
}

/// INV-17: kernel time is never below what was persisted.
pub(super) fn time_never_falls_below_what_was_persisted(kernel: &Kernel) -> Result<(), Violation> {
    must(kernel.cell.time <= kernel.now, 17, || {
        format!(
            "it is {:?}, and {:?} was persisted",
            kernel.now, kernel.cell.time
        )
    })
}
