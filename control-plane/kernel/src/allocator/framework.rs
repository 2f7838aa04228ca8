//! Frameworks, and each of them in each of its roles.

use std::collections::BTreeMap;
use std::sync::Arc;

use insula_types::resources::Millis;
use insula_types::{Resources, TenantId};

use super::agent_set::AgentSet;
use super::limit::Limit;
use super::tree::NodeIdx;
use super::{AgentKey, Allocator, ClientIdx, FrameworkIdx, put};

#[derive(Debug)]
pub(super) struct Framework {
    tenant: TenantId,
    pub(super) is_active: bool,
    /// Whether it may be shown agents with devices.
    pub(super) takes_gpus: bool,
    /// By the role as the framework names it: those that it subscribed to, and those that it has left
    /// but still holds something in.
    pub(super) clients: BTreeMap<Arc<str>, ClientIdx>,
}

/// A framework in one of its roles.
#[derive(Debug)]
pub(super) struct Client {
    pub(super) framework: FrameworkIdx,
    pub(super) role: Arc<str>,
    pub(super) node: NodeIdx,
    /// One of the framework's roles now.
    pub(super) is_subscribed: bool,
    pub(super) is_suppressed: bool,
    pub(super) stage: Stage,
    /// On how many agents it holds something.
    pub(super) holdings: usize,
    /// Agents of which it refused something.
    pub(super) declined: AgentSet,
    /// Agents of which it refused all that was free when last looked at, and which have not grown
    /// since: a subset of `declined`.
    pub(super) covered: AgentSet,
    pub(super) last: LastGrant,
}

/// Where a client stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// It wants nothing.
    Off,
    /// It is in the tree's queues.
    Asks,
    /// Nothing that it can have is free.
    Waits,
}

/// What a client got last, so that more of the same agent becomes one allocation.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct LastGrant {
    pub(super) agent: Option<AgentKey>,
    pub(super) cycle: u64,
    pub(super) call: u64,
    pub(super) index: usize,
}

impl Allocator {
    /// Adds an active framework with nothing suppressed.
    ///
    /// `roles` are as the framework names them: `*` is the tenant itself, `r` the path `tenant/r`.
    /// `gpus` says whether it may be shown agents with devices.
    pub fn add_framework(
        &mut self,
        framework: FrameworkIdx,
        tenant: &TenantId,
        gpus: bool,
        roles: &[String],
    ) {
        self.remove_framework(framework);
        let added = Framework {
            tenant: tenant.clone(),
            is_active: true,
            takes_gpus: gpus,
            clients: BTreeMap::new(),
        };
        put(&mut self.frameworks, framework.0, added);
        self.subscribe(framework, roles);
    }

    /// Replaces a framework's roles and its wish for devices.
    ///
    /// A role that is new starts without filters and not suppressed; one that is left loses its
    /// filters, and keeps what is charged until it is released.
    pub fn update_framework(&mut self, framework: FrameworkIdx, gpus: bool, roles: &[String]) {
        let Some(known) = self.framework_mut(framework) else {
            return;
        };
        let sees_more = gpus && !std::mem::replace(&mut known.takes_gpus, gpus);
        let left: Vec<(Arc<str>, ClientIdx)> = known
            .clients
            .iter()
            .filter(|(name, _)| !roles.iter().any(|role| role.as_str() == &***name))
            .map(|(name, client)| (Arc::clone(name), *client))
            .collect();
        for (name, client) in left {
            self.clear_filters(framework, Some(&name));
            self.clients[client.0].is_subscribed = false;
            self.clients[client.0].is_suppressed = false;
            self.refresh_stage(client);
            self.drop_if_unused(client);
        }
        self.subscribe(framework, roles);
        if sees_more {
            self.ask_again(framework);
        }
    }

    /// Removes a framework, its filters, and everything charged to it.
    ///
    /// Tasks that still run hold what they use; call this when the last of them was released, else
    /// what they hold is given to others at once.
    pub fn remove_framework(&mut self, framework: FrameworkIdx) {
        let Some(known) = self.framework(framework) else {
            return;
        };
        let clients: Vec<ClientIdx> = known.clients.values().copied().collect();
        for client in clients {
            self.release_all(client);
        }
        self.update_framework(framework, false, &[]);
        if let Some(slot) = self.frameworks.get_mut(framework.0 as usize) {
            *slot = None;
        }
    }

    /// Whether the framework is connected: only then is it given anything.
    pub fn set_framework_active(&mut self, framework: FrameworkIdx, active: bool) {
        let Some(known) = self.framework_mut(framework) else {
            return;
        };
        known.is_active = active;
        for client in self.clients_of(framework, None) {
            self.refresh_stage(client);
        }
    }

    /// The framework wants nothing more in that role, or in any.
    pub fn suppress(&mut self, framework: FrameworkIdx, role: Option<&str>) {
        for client in self.clients_of(framework, role) {
            self.clients[client.0].is_suppressed = true;
            self.refresh_stage(client);
        }
    }

    /// The framework wants offers again in that role, or in all: no longer suppressed, no filters.
    pub fn revive(&mut self, framework: FrameworkIdx, role: Option<&str>) {
        self.clear_filters(framework, role);
        for client in self.clients_of(framework, role) {
            self.clients[client.0].is_suppressed = false;
            self.refresh_stage(client);
        }
    }

    /// Sets a role's weight and quota limit, both in thousandths, replacing what was set before.
    ///
    /// `path` is the full path, the tenant first; a last segment `.` means the frameworks of that
    /// very role, without the roles below it (`ml/.` is the `*` of tenant `ml`). Weight 1000 without a
    /// limit is the default; a weight below 1 counts as 1.
    pub fn set_role(&mut self, path: &str, weight: Millis, limit: BTreeMap<String, Millis>) {
        self.tree.set_role(path, weight, Limit::new(limit));
    }

    fn subscribe(&mut self, framework: FrameworkIdx, roles: &[String]) {
        for role in roles {
            if let Some(client) = self.client_or_new(framework, role) {
                self.clients[client.0].is_subscribed = true;
                self.refresh_stage(client);
            }
        }
    }

    pub(super) fn client(&self, framework: FrameworkIdx, role: &str) -> Option<ClientIdx> {
        self.framework(framework)?.clients.get(role).copied()
    }

    pub(super) fn clients_of(&self, framework: FrameworkIdx, role: Option<&str>) -> Vec<ClientIdx> {
        let Some(known) = self.framework(framework) else {
            return Vec::new();
        };
        match role {
            Some(role) => known.clients.get(role).copied().into_iter().collect(),
            None => known.clients.values().copied().collect(),
        }
    }

    pub(super) fn client_or_new(
        &mut self,
        framework: FrameworkIdx,
        role: &str,
    ) -> Option<ClientIdx> {
        if let Some(client) = self.client(framework, role) {
            return Some(client);
        }
        let tenant = self.framework(framework)?.tenant.clone();
        let path = match role {
            "*" => tenant.as_str().to_owned(),
            role => format!("{tenant}/{role}"),
        };
        let name: Arc<str> = role.into();
        let client = ClientIdx(self.clients.insert(Client {
            framework,
            role: Arc::clone(&name),
            node: self.tree.root(),
            is_subscribed: false,
            is_suppressed: false,
            stage: Stage::Off,
            holdings: 0,
            declined: AgentSet::default(),
            covered: AgentSet::default(),
            last: LastGrant::default(),
        }));
        self.clients[client.0].node = self.tree.add_client(&path, client, framework.0);
        self.framework_mut(framework)?.clients.insert(name, client);
        Some(client)
    }

    /// Makes a client ask if it has begun to want something, and stop if it has ceased to.
    pub(super) fn refresh_stage(&mut self, client: ClientIdx) {
        let known = &self.clients[client.0];
        let wants = known.is_subscribed && !known.is_suppressed && self.is_active(known.framework);
        match (wants, known.stage) {
            (true, Stage::Off) => self.set_stage(client, Stage::Asks),
            (false, Stage::Asks | Stage::Waits) => {
                self.set_stage(client, Stage::Off);
            }
            (true, _) | (false, Stage::Off) => {}
        }
    }

    fn ask_again(&mut self, framework: FrameworkIdx) {
        for client in self.clients_of(framework, None) {
            if self.clients[client.0].stage == Stage::Waits {
                self.set_stage(client, Stage::Asks);
            }
        }
    }

    pub(super) fn set_stage(&mut self, client: ClientIdx, stage: Stage) {
        let known = &mut self.clients[client.0];
        known.stage = stage;
        self.tree.set_asks(known.node, stage == Stage::Asks);
    }

    fn is_active(&self, framework: FrameworkIdx) -> bool {
        self.framework(framework)
            .is_some_and(|framework| framework.is_active)
    }

    fn release_all(&mut self, client: ClientIdx) {
        // Agents do not stand in the client: this is rare, and looking at all of them is cheaper than
        // keeping a second index in step with every charge.
        let mut agents = 0..u32::try_from(self.agents.len()).unwrap_or(u32::MAX);
        while self
            .clients
            .get(client.0)
            .is_some_and(|client| client.holdings > 0)
            && let Some(agent) = agents.next().map(AgentKey)
        {
            let held = self
                .agent(agent)
                .and_then(|agent| agent.held.get(&client))
                .cloned();
            if let Some(held) = held {
                self.release_held(client, agent, &held);
            }
        }
    }

    fn release_held(&mut self, client: ClientIdx, agent: AgentKey, held: &Resources) {
        let known = &self.clients[client.0];
        let (framework, role) = (known.framework, Arc::clone(&known.role));
        self.release(framework, &role, agent, held);
    }

    /// Forgets a client that the framework has left and that holds nothing any more.
    pub(super) fn drop_if_unused(&mut self, client: ClientIdx) {
        let known = &self.clients[client.0];
        if known.is_subscribed || known.holdings > 0 {
            return;
        }
        let (framework, role, node) = (known.framework, Arc::clone(&known.role), known.node);
        self.tree.remove_client(node);
        self.clients.remove(client.0);
        self.cut.remove(&client);
        if let Some(known) = self.framework_mut(framework) {
            known.clients.remove(&role);
        }
    }
}
