//! What only the live kernel knows: sessions, offers and who uses how much right now.
//!
//! Bulk reads come from the rows (rule R13); these views are what is laid over them.

use std::collections::{BTreeMap, BTreeSet};

use insula_types::{
    AgentId, FrameworkKey, LaunchId, OfferId, Resources, SessionId, TaskId, TenantId, Time,
    TraceContext,
};

use crate::Kernel;
use crate::agent::Agent;
use crate::allocator::RoleShare;
use crate::framework::Framework;
use crate::offer::{Offer, Tag};

/// An outstanding offer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OfferView {
    /// Its id.
    pub id: OfferId,
    /// To whom.
    pub framework: FrameworkKey,
    /// Of whose machine.
    pub agent: AgentId,
    /// For which role, as the framework names it.
    pub role: String,
    /// What is offered.
    pub resources: Resources,
    /// When it was made.
    pub made_at: Time,
    /// When it is rescinded if nothing changes; sooner once others wait.
    pub expires_at: Time,
}

/// The live side of an agent's row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AgentView {
    /// Which agent.
    pub agent: AgentId,
    /// Whether it has a session.
    pub connected: bool,
    /// Why nothing of it is offered although it is connected, or why it cannot be; a sentence.
    pub held: Option<String>,
    /// What its live tasks use.
    pub used: Resources,
    /// What is offered now.
    pub offered: Resources,
    /// What is neither used nor offered.
    pub free: Resources,
    /// What its tasks use beyond what it has: it came back smaller.
    pub excess: Resources,
    /// How many tasks on it hold resources.
    pub tasks: usize,
}

/// The live side of a framework's row; built-in frameworks, which have no row, are listed as well.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FrameworkView {
    /// Which framework.
    pub framework: FrameworkKey,
    /// Whether it is a tenant's built-in one.
    pub built_in: bool,
    /// Its session, if it is connected; a built-in framework has none and is always there.
    pub session: Option<SessionId>,
    /// When it is removed unless it comes back; only while it is away.
    pub deadline: Option<Time>,
    /// What its live tasks use.
    pub used: Resources,
    /// What it is offered now.
    pub offered: Resources,
    /// How many offers it holds.
    pub offers: usize,
    /// How many of its tasks hold resources.
    pub tasks: usize,
    /// How many requests wait; only for built-in frameworks.
    pub waiting: usize,
}

/// What a tenant has in a cell; made from what is counted anyway, so that it costs as much as there are
/// frameworks and roles.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TenantView {
    /// Which tenant.
    pub tenant: TenantId,
    /// Its tasks that are not history.
    pub tasks: usize,
    /// Its requests that wait.
    pub waiting: usize,
    /// The scalars that its tasks use and its frameworks are offered.
    pub held: Resources,
}

impl Kernel {
    /// What each tenant has that has frameworks, requests or charges, by id.
    #[must_use]
    pub fn tenants_view(&self) -> Vec<TenantView> {
        let mut tenants: BTreeMap<&str, TenantView> = BTreeMap::new();
        let shares = self.allocator.shares();
        // The first part of a role's path is the tenant.
        for share in shares.iter().filter(|share| !share.path.contains('/')) {
            tenant(&mut tenants, &share.path).held = share.allocated.clone();
        }
        for framework in self.frameworks.by_key() {
            tenant(&mut tenants, framework.key.tenant.as_str()).tasks += framework.tasks.len();
        }
        for (id, requests) in &self.requests {
            tenant(&mut tenants, id.as_str()).waiting = requests.waiting();
        }
        tenants.into_values().collect()
    }

    /// The scalars that all agents of the cell have together.
    #[must_use]
    pub fn total(&self) -> Resources {
        self.allocator.total()
    }

    /// All outstanding offers.
    pub fn offers(&self) -> impl Iterator<Item = OfferView> + '_ {
        self.offers.iter().map(|offer| self.offer_view(offer))
    }

    /// The live side of every agent, by id.
    pub fn agents_view(&self) -> impl Iterator<Item = AgentView> + '_ {
        self.agents.by_id().map(|agent| self.agent_view(agent))
    }

    /// The live side of one agent, if it is known.
    #[must_use]
    pub fn agent_view_of(&self, agent: &AgentId) -> Option<AgentView> {
        let key = self.agents.find(agent)?;
        Some(self.agent_view(self.agents.get(key)))
    }

    /// The name of an agent's machine, if the agent is known.
    #[must_use]
    pub fn hostname_of(&self, agent: &AgentId) -> Option<&str> {
        let key = self.agents.find(agent)?;
        Some(&self.agents.get(key).row.info.hostname)
    }

    /// Whose task a launch is, if it is live.
    #[must_use]
    pub fn tenant_of(&self, launch: LaunchId) -> Option<&TenantId> {
        Some(&self.tasks.get(launch)?.row.key.framework.tenant)
    }

    /// The trace of a framework's task, if it is live.
    #[must_use]
    pub fn trace_of(&self, framework: &FrameworkKey, task: &TaskId) -> Option<&TraceContext> {
        let launch = self.tasks.named(self.frameworks.find(framework)?, task)?;
        Some(&self.tasks.get(launch)?.row.trace)
    }

    /// The live side of every framework that is not removed, by key.
    pub fn frameworks_view(&self) -> impl Iterator<Item = FrameworkView> + '_ {
        let here = self.frameworks.by_key().filter(|each| !each.is_removed());
        here.map(|framework| self.framework_view(framework))
    }

    /// Weight, limit and allocation of every role that is known, by path.
    #[must_use]
    pub fn role_shares(&self) -> Vec<RoleShare> {
        self.allocator.shares()
    }

    fn offer_view(&self, offer: &Offer) -> OfferView {
        OfferView {
            id: self.offers.id(offer.tag),
            framework: self.frameworks.get(offer.framework).key.clone(),
            agent: self.agents.get(offer.agent).row.agent.clone(),
            role: offer.role.to_string(),
            resources: offer.resources.clone(),
            made_at: offer.made_at,
            expires_at: offer.made_at + self.config.offer_lease,
        }
    }

    fn agent_view(&self, agent: &Agent) -> AgentView {
        let holding: Vec<LaunchId> = self.holding(agent.key).collect();
        let free = self.allocator.free(agent.key).cloned().unwrap_or_default();
        AgentView {
            agent: agent.row.agent.clone(),
            connected: agent.connected,
            held: agent.held_because(),
            used: self.used_by(holding.iter()),
            offered: self.offered(&agent.offers),
            free,
            excess: self.allocator.excess(agent.key),
            tasks: holding.len(),
        }
    }

    fn framework_view(&self, framework: &Framework) -> FrameworkView {
        let requests = self.requests.get(&framework.key.tenant);
        let built_in = framework.client().is_none();
        let holding = framework.tasks.iter().filter(|launch| self.holds(**launch));
        FrameworkView {
            framework: framework.key.clone(),
            built_in,
            session: framework.session().cloned(),
            deadline: framework.deadline(),
            used: self.used_by(holding.clone()),
            offered: self.offered(&framework.offers),
            offers: framework.offers.len(),
            tasks: holding.count(),
            waiting: requests
                .filter(|_| built_in)
                .map_or(0, |requests| requests.waiting()),
        }
    }

    fn holds(&self, launch: LaunchId) -> bool {
        let task = self.tasks.get(launch);
        task.is_some_and(|task| task.row.status.state.holds_resources())
    }

    fn used_by<'a>(&self, launches: impl Iterator<Item = &'a LaunchId>) -> Resources {
        let tasks = launches.filter_map(|launch| self.tasks.get(*launch));
        Resources::sum(tasks.map(|task| &task.row.resources))
    }

    fn offered(&self, tags: &BTreeSet<Tag>) -> Resources {
        let offers = tags.iter().filter_map(|tag| self.offers.get(*tag));
        Resources::sum(offers.map(|offer| &offer.resources))
    }
}

fn tenant<'a, 'b>(
    tenants: &'b mut BTreeMap<&'a str, TenantView>,
    id: &'a str,
) -> &'b mut TenantView {
    tenants.entry(id).or_insert_with(|| TenantView {
        tenant: TenantId::from(id),
        tasks: 0,
        waiting: 0,
        held: Resources::new(),
    })
}
