//! What only the live kernel knows, laid over the rows.

use std::collections::HashMap;

use insula_kernel::view::{AgentView, FrameworkView, OfferView};
use insula_types::{AgentId, FrameworkId, TenantId};

use crate::cells::Handle;
use crate::partition::Unavailable;

/// Sessions, offers and use, at one moment. As large as the cell has agents, frameworks and offers.
#[derive(Default)]
pub(super) struct Live {
    agents: HashMap<AgentId, AgentView>,
    frameworks: HashMap<FrameworkId, FrameworkView>,
    offers: HashMap<FrameworkId, Vec<OfferView>>,
}

impl Live {
    /// Asks the kernel: all agents, and of the others what is the tenant's.
    pub(super) async fn of(handle: &Handle, tenant: &TenantId) -> Result<Self, Unavailable> {
        let tenant = tenant.clone();
        handle
            .query(move |kernel| {
                let agents = kernel
                    .agents_view()
                    .map(|view| (view.agent.clone(), view))
                    .collect();
                let frameworks = kernel
                    .frameworks_view()
                    .filter(|view| view.framework.tenant == tenant)
                    .map(|view| (view.framework.framework.clone(), view))
                    .collect();
                let mut offers: HashMap<FrameworkId, Vec<OfferView>> = HashMap::new();
                for offer in kernel.offers() {
                    if offer.framework.tenant == tenant {
                        let to = offer.framework.framework.clone();
                        offers.entry(to).or_default().push(offer);
                    }
                }
                Self {
                    agents,
                    frameworks,
                    offers,
                }
            })
            .await
    }

    /// The live side of an agent's row; none if the kernel has not heard of it yet.
    pub(super) fn agent(&self, agent: &AgentId) -> Option<&AgentView> {
        self.agents.get(agent)
    }

    /// The live side of a framework's row.
    pub(super) fn framework(&self, framework: &FrameworkId) -> Option<&FrameworkView> {
        self.frameworks.get(framework)
    }

    /// The tenant's built-in framework, which has no row.
    pub(super) fn built_in(&self) -> Option<&FrameworkView> {
        self.frameworks.values().find(|view| view.built_in)
    }

    /// The offers that a framework holds.
    pub(super) fn offers(&self, framework: &FrameworkId) -> &[OfferView] {
        self.offers.get(framework).map_or(&[], Vec::as_slice)
    }
}
