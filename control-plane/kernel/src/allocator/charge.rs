//! Charging and releasing what the allocator did not hand out itself, or gets back.

use insula_types::Resources;

use super::{AgentKey, Allocator, ClientIdx, FrameworkIdx};

impl Allocator {
    /// Charges what was not allocated here: tasks found at load, or when an agent registers again.
    ///
    /// It may be more than the agent has, see [`Self::excess`], and more than a quota limit allows,
    /// which is then exhausted; the role need not be one of those that the framework subscribed to.
    pub fn charge(
        &mut self,
        framework: FrameworkIdx,
        role: &str,
        agent: AgentKey,
        resources: &Resources,
    ) {
        if resources.is_empty() || self.agent(agent).is_none() {
            return;
        }
        let Some(client) = self.client_or_new(framework, role) else {
            return;
        };
        self.hold(client, agent, resources);
        self.tree.charge(self.clients[client.0].node, resources);
    }

    /// Gives back what was charged or allocated: offers returned, tasks ended. More than what is held
    /// is not given back.
    pub fn release(
        &mut self,
        framework: FrameworkIdx,
        role: &str,
        agent: AgentKey,
        resources: &Resources,
    ) {
        let Some(client) = self.client(framework, role) else {
            return;
        };
        let Some(known) = self.agent_mut(agent) else {
            return;
        };
        let Some((returned, is_last)) = known.release(client, resources) else {
            return;
        };
        self.note_room(agent, true);
        self.give_back(client, &returned, is_last);
    }

    pub(super) fn hold(&mut self, client: ClientIdx, agent: AgentKey, amount: &Resources) {
        let Some(known) = self.agent_mut(agent) else {
            return;
        };
        let is_first = !known.held.contains_key(&client);
        known.charge(client, amount);
        self.clients[client.0].holdings += usize::from(is_first);
        self.note_room(agent, false);
    }

    /// The client's side of a release; `is_last` if it holds nothing more on that agent.
    pub(super) fn give_back(&mut self, client: ClientIdx, amount: &Resources, is_last: bool) {
        let known = &mut self.clients[client.0];
        known.holdings -= usize::from(is_last);
        self.tree.release(known.node, amount);
        self.drop_if_unused(client);
    }
}
