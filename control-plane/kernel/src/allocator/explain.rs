//! Why a framework is not offered more.

use insula_types::resources::{Millis, Scalar};
use insula_types::why::Why;
use insula_types::{AgentId, Time};

use super::framework::{Client, Stage};
use super::{AgentKey, Allocator, ClientIdx, FrameworkIdx, MIN_ALLOCATABLE};

/// Most filters that an explanation names: enough to recognise the pattern.
const FILTERS_MAX: usize = 5;

impl Allocator {
    /// What stands between a framework and more resources in one of its roles, the decisive reason
    /// first; empty if the framework did not subscribe to the role.
    ///
    /// `agent_id` names agents for people.
    pub fn explain(
        &self,
        framework: FrameworkIdx,
        role: &str,
        now: Time,
        agent_id: impl Fn(AgentKey) -> AgentId,
    ) -> Vec<Why> {
        let Some(idx) = self.client(framework, role) else {
            return Vec::new();
        };
        let client = &self.clients[idx.0];
        if !client.is_subscribed {
            return Vec::new();
        }
        if !self
            .framework(framework)
            .is_some_and(|framework| framework.is_active)
        {
            return vec![Why::FrameworkDisconnected];
        }
        if client.is_suppressed {
            return vec![Why::Suppressed {
                role: role.to_owned(),
            }];
        }
        let mut reasons = self.exhausted_limits(client);
        if self.agents.iter().flatten().all(|agent| !agent.is_active) {
            reasons.push(Why::NoAgents);
        }
        if !reasons.is_empty() {
            return reasons;
        }
        if client.stage == Stage::Asks {
            let is_next = self.tree.next().is_some_and(|next| next.client == idx);
            return vec![if is_next {
                Why::Imminent
            } else {
                Why::OthersFirst
            }];
        }
        reasons = self.filters_in_the_way(idx, now, agent_id);
        if reasons.is_empty() {
            reasons = self.nothing_free(client);
        }
        reasons
    }

    fn exhausted_limits(&self, client: &Client) -> Vec<Why> {
        let mut reasons = Vec::new();
        for role in self.tree.path_up(client.node) {
            for scalar in role.limit().exhausted(role.allocated()) {
                reasons.push(Why::QuotaLimit {
                    role: role.path().to_string(),
                    resource: scalar.name().to_owned(),
                    limit: role
                        .limit()
                        .by_name()
                        .get(scalar.name())
                        .copied()
                        .unwrap_or(Millis::MAX),
                    consumed: role.allocated().scalar(scalar.name()),
                });
            }
        }
        reasons
    }

    fn filters_in_the_way(
        &self,
        idx: ClientIdx,
        now: Time,
        agent_id: impl Fn(AgentKey) -> AgentId,
    ) -> Vec<Why> {
        let declined = self.clients[idx.0].declined.iter();
        let ends = declined
            .filter(|agent| self.available.contains(*agent))
            .filter_map(|agent| {
                let known = self.agent(agent)?;
                Some((agent, known.filters.get(&idx)?.covered_until(&known.free)?))
            });
        ends.take(FILTERS_MAX)
            .map(|(agent, end)| Why::Filtered {
                agent: agent_id(agent),
                remaining: end.since(now),
            })
            .collect()
    }

    /// Says which of the smallest amounts no agent that the client may have has free, or that nothing
    /// stands in the way.
    fn nothing_free(&self, client: &Client) -> Vec<Why> {
        let takes_gpus = self.takes_gpus(client);
        let agents = (0..)
            .map(AgentKey)
            .zip(&self.agents)
            .filter_map(|(key, agent)| {
                let agent = agent.as_ref().filter(|agent| agent.is_active)?;
                (takes_gpus || !self.with_gpus.contains(key)).then_some(agent)
            });
        let agents: Vec<_> = agents.collect();
        let short = [Scalar::Cpus, Scalar::Mem].map(|scalar| {
            let needs = MIN_ALLOCATABLE[scalar as usize];
            let largest_free = agents
                .iter()
                .map(|agent| agent.free.get(scalar))
                .max()
                .unwrap_or(0);
            let why = Why::NoAgentFreeEnough {
                resource: scalar.name().to_owned(),
                needs,
                largest_free,
            };
            (largest_free < needs).then_some(why)
        });
        let short: Vec<Why> = short.into_iter().flatten().collect();
        if short.is_empty() {
            vec![Why::Imminent]
        } else {
            short
        }
    }
}
