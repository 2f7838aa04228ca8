//! Agents whom a broken link or a broker that is away hides, and who must not be blamed for that (rule
//! R24).

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use insula_types::{AgentId, CellId, ReplicaId};

/// How long agents are excused because of one broken link. A gateway that lives opens another within
/// seconds; what has not come back by then is not hidden by the link.
const HIDDEN_MAX: Duration = Duration::from_secs(300);

type Agents = BTreeMap<CellId, BTreeSet<AgentId>>;

#[derive(Debug)]
struct Hidden {
    since: Instant,
    agents: Agents,
}

/// See the module.
#[derive(Debug)]
pub(super) struct Excuses {
    every: Duration,
    said_at: Instant,
    /// When it was last said that everybody is excused, while the broker is away.
    deaf_at: Option<Instant>,
    hidden: BTreeMap<ReplicaId, Hidden>,
}

impl Excuses {
    /// `unreachable_after` is the time in which an excuse is said at least twice.
    pub(super) fn new(now: Instant, unreachable_after: Duration) -> Self {
        Self {
            every: unreachable_after / 4,
            said_at: now,
            deaf_at: None,
            hidden: BTreeMap::new(),
        }
    }

    /// A link of a replica has broken that an agent was heard by.
    pub(super) fn hide(&mut self, now: Instant, replica: &ReplicaId, cell: CellId, agent: AgentId) {
        let hidden = self.hidden.entry(replica.clone()).or_insert(Hidden {
            since: now,
            agents: Agents::new(),
        });
        hidden.agents.entry(cell).or_default().insert(agent);
    }

    /// The replica has opened another link: its agents are excused for the last time.
    pub(super) fn back(&mut self, replica: &ReplicaId) -> Vec<(CellId, Vec<AgentId>)> {
        let hidden = self.hidden.remove(replica);
        hidden.map_or_else(Vec::new, |hidden| list(hidden.agents))
    }

    /// Whether everybody is to be excused: now and then while the owner hears nobody of another
    /// gateway, and once more when it does again.
    pub(super) fn everybody(&mut self, now: Instant, is_deaf: bool) -> bool {
        let Some(said_at) = self.deaf_at else {
            self.deaf_at = is_deaf.then_some(now);
            return is_deaf;
        };
        let is_due = !is_deaf || now.duration_since(said_at) >= self.every;
        if is_due {
            self.deaf_at = is_deaf.then_some(now);
        }
        is_due
    }

    /// Who is to be excused again, if it is time for that. The agents of a replica that is gone are
    /// not: they come back by another one.
    pub(super) fn due(
        &mut self,
        now: Instant,
        is_live: impl Fn(&ReplicaId) -> bool,
    ) -> Vec<(CellId, Vec<AgentId>)> {
        if now.duration_since(self.said_at) < self.every {
            return Vec::new();
        }
        self.said_at = now;
        self.hidden.retain(|replica, hidden| {
            is_live(replica) && now.duration_since(hidden.since) < HIDDEN_MAX
        });
        let all = self.hidden.values().map(|hidden| hidden.agents.clone());
        all.flat_map(list).collect()
    }
}

fn list(agents: Agents) -> Vec<(CellId, Vec<AgentId>)> {
    let listed = agents.into_iter();
    listed
        .map(|(cell, agents)| (cell, agents.into_iter().collect()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everybody_is_excused_while_the_broker_is_away_and_once_more_when_it_is_back() {
        let start = Instant::now();
        let mut excuses = Excuses::new(start, Duration::from_secs(4));
        assert!(!excuses.everybody(start, false));
        assert!(excuses.everybody(start, true));
        assert!(!excuses.everybody(start, true));
        let later = start + Duration::from_secs(1);
        assert!(excuses.everybody(later, true));
        assert!(excuses.everybody(later, false));
        assert!(!excuses.everybody(later, false));
    }

    #[test]
    fn agents_are_excused_while_their_gateway_lives_and_has_no_other_link() {
        let start = Instant::now();
        let mut excuses = Excuses::new(start, Duration::from_secs(4));
        let (one, other) = (ReplicaId::from("one"), ReplicaId::from("other"));
        excuses.hide(start, &one, "cell".into(), "a".into());
        excuses.hide(start, &other, "cell".into(), "b".into());
        assert!(
            excuses.due(start, |_| true).is_empty(),
            "it is not time yet"
        );
        let later = start + Duration::from_secs(1);
        let due = excuses.due(later, |replica| *replica == one);
        assert_eq!(due, [("cell".into(), vec!["a".into()])]);
        assert_eq!(excuses.back(&one), due);
        assert!(excuses.back(&one).is_empty());
        let much_later = later + Duration::from_secs(1);
        assert!(excuses.due(much_later, |_| true).is_empty());
    }
}
