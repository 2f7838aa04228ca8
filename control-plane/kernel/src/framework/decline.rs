//! DECLINE, REVIVE and SUPPRESS: what a framework wants to be offered.

use insula_types::event::EventKind;
use insula_types::{OfferId, Resources};

use crate::Kernel;
use crate::allocator::{AgentKey, FrameworkIdx};
use crate::input::Filters;
use crate::out::Out;

impl Kernel {
    /// Takes offers back and keeps the same resources from the framework for a while.
    pub(crate) fn decline(
        &mut self,
        idx: FrameworkIdx,
        offers: &[OfferId],
        filters: Filters,
        out: &mut Out,
    ) {
        let mut count = 0;
        for id in offers {
            let own = self
                .offers
                .tag_of(*id)
                .filter(|tag| self.frameworks.get(idx).offers.contains(tag));
            let Some(offer) = own.and_then(|tag| self.return_offer(tag)) else {
                continue;
            };
            count += 1;
            self.keep_away(idx, &offer.role, offer.agent, &offer.resources, filters);
        }
        if count == 0 {
            return;
        }
        self.counters.offers_declined += count as u64;
        let event = EventKind::OffersDeclined {
            framework: self.frameworks.get(idx).key.clone(),
            count,
            refuse: filters.refuse,
        };
        self.announce(event, out);
    }

    /// Filters what was given back. A filter outlives the next allocation at least, otherwise it
    /// would never have an effect.
    pub(crate) fn keep_away(
        &mut self,
        idx: FrameworkIdx,
        role: &str,
        agent: AgentKey,
        refused: &Resources,
        filters: Filters,
    ) {
        if filters.refuse.0 == 0 {
            return;
        }
        let until = self.now + filters.refuse.max(self.config.allocation_batch);
        self.allocator.filter(idx, role, agent, refused, until);
    }

    pub(crate) fn revive(&mut self, idx: FrameworkIdx, roles: &[String]) {
        if !self.has_roles(idx, roles) {
            return;
        }
        if roles.is_empty() {
            self.allocator.revive(idx, None);
        }
        for role in roles {
            self.allocator.revive(idx, Some(role));
        }
    }

    pub(crate) fn suppress(&mut self, idx: FrameworkIdx, roles: &[String]) {
        if !self.has_roles(idx, roles) {
            return;
        }
        if roles.is_empty() {
            self.allocator.suppress(idx, None);
        }
        for role in roles {
            self.allocator.suppress(idx, Some(role));
        }
    }

    /// Whether the framework subscribed with all these roles; a call that names another one is
    /// dropped as a whole, as Mesos does.
    fn has_roles(&self, idx: FrameworkIdx, roles: &[String]) -> bool {
        let client = self.frameworks.get(idx).client();
        client.is_some_and(|client| {
            roles
                .iter()
                .all(|role| client.row.info.roles.contains(role))
        })
    }
}
