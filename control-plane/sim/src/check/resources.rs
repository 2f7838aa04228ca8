//! Who has what, as the kernel's views show it to others.

use std::collections::BTreeMap;

use insula_kernel::Kernel;
use insula_types::record::AgentState;
use insula_types::{AgentId, Resources};

use super::{Violation, must};

/// What an agent has and what its tasks use beyond that is free, offered or used; what is used is
/// what its tasks in the rows hold; what is offered is what the offers say.
pub(crate) fn what_an_agent_has_adds_up(kernel: &Kernel) -> Result<(), Violation> {
    let rows = kernel.rows();
    let mut used: BTreeMap<&AgentId, Resources> = BTreeMap::new();
    for task in &rows.tasks {
        if task.status.state.holds_resources() {
            used.entry(&task.agent).or_default().add(&task.resources);
        }
    }
    let mut offered: BTreeMap<AgentId, Resources> = BTreeMap::new();
    for offer in kernel.offers() {
        offered
            .entry(offer.agent)
            .or_default()
            .add(&offer.resources);
    }
    for (row, view) in rows.agents.iter().zip(kernel.agents_view()) {
        let parts = [&view.free, &view.offered, &view.used];
        let mut whole = row.info.resources.clone();
        whole.add(&view.excess);
        let listed = row.state == AgentState::Registered || !view.free.is_empty();
        must(
            !listed || Resources::sum(parts) == whole,
            "free, offered and used make the whole",
            || format!("{row:?} is shown as {view:?}"),
        )?;
        let expected = used.remove(&row.agent).unwrap_or_default();
        let out = offered.remove(&row.agent).unwrap_or_default();
        must(
            view.used == expected && view.offered == out,
            "what is used and offered is what tasks and offers say",
            || format!("{view:?}, tasks use {expected} and offers hold {out}"),
        )?;
    }
    Ok(())
}
