//! Why no agent fits a request: the conditions one by one, the hardest last.

use std::borrow::Cow;

use insula_types::request::TaskRequest;
use insula_types::resources::Millis;
use insula_types::why::Why;
use insula_types::{Resources, TaskKind};

use crate::Kernel;
use crate::agent::Agent;
use crate::builtin::fill::suits;

impl Kernel {
    /// What keeps every connected agent from running the request now; empty if one could.
    pub(crate) fn why_no_agent_fits(&self, request: &TaskRequest) -> Vec<Why> {
        let agents: Vec<&Agent> = self.agents.iter().filter(|each| each.connected).collect();
        if agents.is_empty() {
            return vec![Why::NoAgents];
        }
        if let Some(why) = why_kind(request.kind, &agents) {
            return vec![why];
        }
        let lacking: Vec<Why> = request
            .constraints
            .iter()
            .filter(|constraint| !agents.iter().any(|each| has(each, constraint)))
            .map(|(name, value)| Why::NoAgentWithAttribute {
                name: name.clone(),
                value: value.clone(),
            })
            .collect();
        if !lacking.is_empty() {
            return lacking;
        }
        let suitable: Vec<&Agent> = agents
            .into_iter()
            .filter(|each| suits(request, &each.row))
            .collect();
        if suitable.is_empty() {
            return vec![Why::NoAgentMeetsAll];
        }
        self.why_too_small(request, &suitable)
    }

    fn why_too_small(&self, request: &TaskRequest, agents: &[&Agent]) -> Vec<Why> {
        let wanted = &request.resources;
        let totals = || agents.iter().map(|each| &each.row.info.resources);
        if !totals().any(|total| total.contains(wanted)) {
            let short = shortest(wanted, totals()).into_iter();
            return or_meets_all(
                short
                    .map(|(resource, needs, largest)| Why::NoAgentLargeEnough {
                        resource,
                        needs,
                        largest,
                    })
                    .collect(),
            );
        }
        let mut free = agents
            .iter()
            .filter_map(|each| self.allocator.free(each.key));
        if free.any(|free| free.contains(wanted)) {
            return Vec::new();
        }
        let room: Vec<Cow<'_, Resources>> = agents.iter().map(|each| self.room(each)).collect();
        if room.iter().any(|room| room.contains(wanted)) {
            let offers = self.offers.len();
            return vec![Why::OfferedToOthers { offers }];
        }
        let short = shortest(wanted, room.iter().map(Cow::as_ref)).into_iter();
        or_meets_all(
            short
                .map(|(resource, needs, largest_free)| Why::NoAgentFreeEnough {
                    resource,
                    needs,
                    largest_free,
                })
                .collect(),
        )
    }

    /// What is free of an agent or would be if all that is offered of it came back.
    fn room(&self, agent: &Agent) -> Cow<'_, Resources> {
        let free = self.allocator.free(agent.key).map(Cow::Borrowed);
        let mut room = free.unwrap_or_default();
        for offer in agent.offers.iter().filter_map(|tag| self.offers.get(*tag)) {
            room.to_mut().add(&offer.resources);
        }
        room
    }
}

fn why_kind(kind: TaskKind, agents: &[&Agent]) -> Option<Why> {
    let able = agents.iter().any(|each| match kind {
        TaskKind::Native => each.row.info.capabilities.native,
        TaskKind::Wasm => each.row.info.capabilities.wasm,
    });
    if able {
        return None;
    }
    let because = match kind {
        TaskKind::Native => None,
        TaskKind::Wasm => agents
            .iter()
            .find_map(|each| each.row.info.capabilities.wasm_missing.clone()),
    };
    Some(Why::NoAgentForKind {
        kind: kind.as_str().to_owned(),
        because,
    })
}

fn has(agent: &Agent, constraint: &(String, String)) -> bool {
    agent.row.info.attributes.contains(constraint)
}

/// A scalar of which no single agent has enough, what is needed, and the most that one has.
fn shortest<'a>(
    wanted: &Resources,
    agents: impl Iterator<Item = &'a Resources> + Clone,
) -> Vec<(String, Millis, Millis)> {
    let names = Resources::new().shortfall(wanted);
    names
        .into_iter()
        .map(|(name, _, needs)| {
            let most = agents.clone().map(|each| each.scalar(&name)).max();
            (name, needs, most.unwrap_or(0))
        })
        .filter(|(_, needs, most)| most < needs)
        .collect()
}

fn or_meets_all(reasons: Vec<Why>) -> Vec<Why> {
    if reasons.is_empty() {
        return vec![Why::NoAgentMeetsAll];
    }
    reasons
}
