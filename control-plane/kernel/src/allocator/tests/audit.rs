//! What must be true of an allocator at any time, checked by looking at all of it.

use insula_types::Resources;

use crate::allocator::framework::Stage;
use crate::allocator::{AgentKey, Allocator, ClientIdx};

pub(super) fn audit(allocator: &Allocator) {
    agents_are_free_plus_charged(allocator);
    clients_match_what_agents_hold(allocator);
    bits_match_filters(allocator);
    allocator.tree.audit();
}

fn agents_are_free_plus_charged(allocator: &Allocator) {
    for (key, agent) in (0..).map(AgentKey).zip(&allocator.agents) {
        let Some(agent) = agent else { continue };
        assert_eq!(Resources::sum(agent.held.values()), agent.charged);
        assert!(agent.held.values().all(|held| !held.is_empty()));
        if allocator.excess(key).is_empty() {
            assert!(!agent.is_over);
            let mut sum = agent.charged.clone();
            sum.add(&agent.free);
            assert_eq!(sum, agent.total);
        } else {
            let mut free = agent.total.clone();
            free.subtract(&agent.charged);
            assert_eq!(agent.free, free);
        }
    }
}

fn clients_match_what_agents_hold(allocator: &Allocator) {
    for (idx, client) in allocator.clients.iter() {
        let agents = allocator.agents.iter().flatten();
        let held: Vec<&Resources> = agents
            .filter_map(|agent| agent.held.get(&ClientIdx(idx)))
            .collect();
        assert_eq!(client.holdings, held.len());
        let sum = Resources::sum(held);
        let node = allocator.tree.path_up(client.node).next().unwrap();
        assert_eq!(node.allocated().common(), sum.scalars());
        assert_eq!(node.allocated().custom(), sum.custom());
        assert!(client.is_subscribed || client.stage == Stage::Off);
        assert!(
            client.is_subscribed || client.holdings > 0,
            "nobody is kept for nothing"
        );
    }
}

fn bits_match_filters(allocator: &Allocator) {
    let mut timers = 0;
    for (key, agent) in (0..).map(AgentKey).zip(&allocator.agents) {
        let Some(agent) = agent else { continue };
        for (idx, client) in allocator.clients.iter() {
            let filters = agent.filters.get(&ClientIdx(idx));
            assert_eq!(client.declined.contains(key), filters.is_some());
            let is_current = allocator.available.contains(key) && !allocator.grown.contains(key);
            let covered = is_current && client.covered.contains(key);
            assert!(!covered || filters.is_some_and(|filters| filters.cover(&agent.free)));
        }
        timers += agent
            .filters
            .values()
            .map(|filters| filters.ends().count())
            .sum::<usize>();
    }
    assert!(
        allocator.timers.len() <= timers,
        "each timer belongs to a filter"
    );
}

/// After a finished cycle each framework that wants something has refused, or may not have, what is
/// free: the events that wake a waiting framework miss nothing.
pub(super) fn nobody_waits_for_what_is_free(allocator: &Allocator) {
    for (idx, client) in allocator
        .clients
        .iter()
        .filter(|(_, client)| client.stage != Stage::Off)
    {
        let mut above = allocator.tree.path_up(client.node);
        if above.any(|node| node.limit().exhausted(node.allocated()).next().is_some()) {
            continue;
        }
        for agent in allocator.available.iter() {
            let is_hidden = allocator.with_gpus.contains(agent) && !allocator.takes_gpus(client);
            let known = allocator.agent(agent).unwrap();
            let mut most = known.free.clone();
            allocator.tree.chop(client.node, &mut most);
            let is_refused = known
                .filters
                .get(&ClientIdx(idx))
                .is_some_and(|filters| filters.cover(&most));
            assert!(
                is_hidden || is_refused,
                "{:?} could have {most} of {agent:?}",
                client.framework
            );
        }
    }
}
