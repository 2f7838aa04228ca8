//! Offers.

use crate::Kernel;
use crate::invariant::{Violation, must};

/// INV-3: an offer is used at most once: it stands in the list of its agent and of its framework as
/// long as it stands in the cell's, and is taken from all three together.
pub(super) fn an_offer_is_known_to_both_sides(kernel: &Kernel) -> Result<(), Violation> {
    for offer in kernel.offers.iter() {
        let by_agent = kernel.agents.get(offer.agent).offers.contains(&offer.tag);
        let by_framework = kernel
            .frameworks
            .get(offer.framework)
            .offers
            .contains(&offer.tag);
        must(by_agent && by_framework, 3, || {
            format!(
                "offer {} is not known to both sides",
                kernel.offers.id(offer.tag)
            )
        })?;
    }
    let of_agents: usize = kernel.agents.iter().map(|each| each.offers.len()).sum();
    let of_frameworks: usize = kernel.frameworks.iter().map(|each| each.offers.len()).sum();
    let all = kernel.offers.len();
    must(of_agents == all && of_frameworks == all, 3, || {
        format!(
            "{all} offers are out, agents know of {of_agents} and frameworks of {of_frameworks}"
        )
    })
}

/// INV-5: only a framework with a session holds offers, and only an agent with a session is offered.
pub(super) fn only_who_can_be_reached_takes_part_in_offers(
    kernel: &Kernel,
) -> Result<(), Violation> {
    for framework in kernel.frameworks.iter() {
        let fine = framework.offers.is_empty() || framework.session().is_some();
        must(fine, 5, || {
            format!("framework {} is away and holds offers", framework.key)
        })?;
    }
    for agent in kernel.agents.iter() {
        let fine = agent.offers.is_empty() || agent.is_offerable();
        must(fine, 5, || {
            format!("agent {} cannot be offered and is", agent.row.agent)
        })?;
    }
    Ok(())
}
