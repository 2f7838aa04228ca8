//! Agents, and what the kernel keeps of each besides its row.

pub(crate) mod ahead;
pub(crate) mod alive;
pub(crate) mod commands;
pub(crate) mod flapping;
pub(crate) mod late;
pub(crate) mod lost;
pub(crate) mod register;
pub(crate) mod report;
pub(crate) mod rollback;
pub(crate) mod settled;
pub(crate) mod strangers;
pub(crate) mod update;

use std::collections::{BTreeMap, BTreeSet};

pub(crate) use rollback::Purge;

use flapping::Flapping;
use strangers::Strangers;

use bytes::Bytes;
use insula_types::message::{CommandSeq, Peer};
use insula_types::record::{AgentRow, AgentState};
use insula_types::{AgentId, Epoch, LaunchId, SessionId, Time};

use crate::allocator::AgentKey;
use crate::figures::AgentFigures;
use crate::offer::Tag;

/// A numbered command that the agent has not confirmed. Its content stands in the task's row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outgoing {
    Launch,
    Kill,
    Acknowledge,
}

/// One agent.
#[derive(Debug)]
pub(crate) struct Agent {
    pub(crate) key: AgentKey,
    /// Exactly what is persisted.
    pub(crate) row: AgentRow,
    /// As what it is counted.
    counted: Standing,
    /// Whether the row's session is live.
    pub(crate) connected: bool,
    /// Whether the row's session has ended for good.
    pub(crate) session_is_over: bool,
    /// Whether it has registered since the kernel was loaded; before that nothing is said about its
    /// tasks (rule R25).
    pub(crate) synced: bool,
    /// Whether the allocator knows it.
    pub(crate) listed: bool,
    /// Its monotonic clock as last heard.
    pub(crate) clock: Time,
    /// When it was last heard, in kernel time.
    pub(crate) heard: Time,
    /// When somebody looks next whether it was silent for too long.
    pub(crate) check_at: Time,
    /// The highest command that it has confirmed, persisted or not.
    pub(crate) watermark: CommandSeq,
    /// The number of the first command that this kernel could give.
    pub(crate) first_seq: CommandSeq,
    /// The number of the next command.
    pub(crate) next_seq: CommandSeq,
    /// The highest command that was sent in the session.
    pub(crate) sent: CommandSeq,
    /// Commands above the watermark that still mean something; a number without an entry goes out as
    /// a no-op.
    pub(crate) outbox: BTreeMap<CommandSeq, (LaunchId, Outgoing)>,
    /// Descriptions of launches above the persisted confirmation.
    pub(crate) payloads: BTreeMap<CommandSeq, (LaunchId, Bytes)>,
    /// Its tasks that are not archived.
    pub(crate) tasks: BTreeSet<LaunchId>,
    pub(crate) offers: BTreeSet<Tag>,
    /// Ended tasks that it has said it does not hold, so that nothing of it is waited for.
    pub(crate) absent: BTreeSet<LaunchId>,
    pub(crate) strangers: Strangers,
    pub(crate) flapping: Flapping,
    /// The epoch that it obeys, if that is above ours (rule R5).
    pub(crate) newer_epoch: Option<Epoch>,
    /// Which messages it understands, as it said when it registered.
    pub(crate) protocol: u32,
    /// In which session it was asked for all its tasks and has not opened it since.
    pub(crate) asked: Option<SessionId>,
    /// Set while the agent, whose work directory was rolled back, is made to kill everything.
    pub(crate) purge: Option<Purge>,
}

impl Agent {
    pub(crate) fn new(key: AgentKey, row: AgentRow, now: Time) -> Self {
        Self {
            key,
            watermark: row.confirmed,
            first_seq: row.confirmed + 1,
            next_seq: row.confirmed + 1,
            sent: row.confirmed,
            counted: Standing::Disconnected,
            row,
            connected: false,
            session_is_over: false,
            synced: false,
            listed: false,
            clock: Time::default(),
            heard: now,
            check_at: Time::NEVER,
            outbox: BTreeMap::new(),
            payloads: BTreeMap::new(),
            tasks: BTreeSet::new(),
            offers: BTreeSet::new(),
            absent: BTreeSet::new(),
            strangers: Strangers::default(),
            flapping: Flapping::default(),
            newer_epoch: None,
            protocol: 0,
            asked: None,
            purge: None,
        }
    }

    pub(crate) fn is_unreachable(&self) -> bool {
        matches!(self.row.state, AgentState::Unreachable { .. })
    }

    pub(crate) fn unreachable_since(&self) -> Option<Time> {
        match self.row.state {
            AgentState::Registered => None,
            AgentState::Unreachable { since } => Some(since),
        }
    }

    /// Its session, as far as there is one.
    pub(crate) fn peer(&self) -> Option<Peer> {
        self.connected.then(|| Peer::Agent {
            agent: self.row.agent.clone(),
            session: self.row.session.clone(),
        })
    }

    pub(crate) fn is_in_session(&self, session: &SessionId) -> bool {
        self.connected && self.row.session == *session
    }

    /// Whether this was its session and is over. A registration that still comes in it was sent before
    /// the agent knew: commands that it has applied since may be missing in it, so that its watermark
    /// decides nothing (rule R22). One that comes after a load, or after our path alone had broken, is
    /// welcome: the agent's connection stood, and what it says in it comes in order.
    pub(crate) fn has_ended(&self, session: &SessionId) -> bool {
        self.session_is_over && self.row.session == *session
    }

    /// Why nothing of it is offered although it is there.
    pub(crate) fn held_because(&self) -> Option<String> {
        if !self.connected {
            return self.newer_epoch_in_words();
        }
        if self.purge.is_some() {
            return Some(
                "its work directory was rolled back, and it has not yet confirmed that it killed what it held"
                    .to_owned(),
            );
        }
        if self.flapping.quarantine.is_some() {
            return Some(
                "its sessions follow one another too quickly: two machines may have its identity"
                    .to_owned(),
            );
        }
        self.strangers.in_words()
    }

    /// Whether its resources may be offered.
    pub(crate) fn is_offerable(&self) -> bool {
        self.connected
            && self.purge.is_none()
            && self.flapping.quarantine.is_none()
            && self.strangers.is_empty()
    }

    /// Remembers when the agent was heard, and what its clock showed.
    pub(crate) fn hear(&mut self, now: Time, clock: Option<Time>) {
        self.heard = now;
        if let Some(clock) = clock {
            self.clock = clock;
        }
    }
}

/// All agents; a key is the place in the list and is never reused, as rows of agents stay.
#[derive(Debug, Default)]
pub(crate) struct Agents {
    all: Vec<Agent>,
    by_id: BTreeMap<AgentId, AgentKey>,
    checks: BTreeSet<(Time, AgentKey)>,
    figures: AgentFigures,
}

/// How an agent stands, for the figures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    Connected,
    Disconnected,
    Unreachable,
}

impl Standing {
    fn of(agent: &Agent) -> Self {
        match agent.row.state {
            AgentState::Unreachable { .. } => Self::Unreachable,
            AgentState::Registered if agent.connected => Self::Connected,
            AgentState::Registered => Self::Disconnected,
        }
    }

    fn place(self, figures: &mut AgentFigures) -> &mut usize {
        match self {
            Self::Connected => &mut figures.connected,
            Self::Disconnected => &mut figures.disconnected,
            Self::Unreachable => &mut figures.unreachable,
        }
    }
}

impl Agents {
    /// Adds an agent; nothing if there are as many as a key can tell apart.
    pub(crate) fn add(&mut self, row: AgentRow, now: Time) -> Option<AgentKey> {
        let key = AgentKey(u32::try_from(self.all.len()).ok()?);
        self.by_id.insert(row.agent.clone(), key);
        let mut agent = Agent::new(key, row, now);
        agent.counted = Standing::of(&agent);
        *agent.counted.place(&mut self.figures) += 1;
        self.all.push(agent);
        Some(key)
    }

    /// Counts an agent anew, whose session or state may have changed.
    pub(crate) fn recount(&mut self, key: AgentKey) {
        let agent = &mut self.all[key.0 as usize];
        let (before, after) = (agent.counted, Standing::of(agent));
        agent.counted = after;
        *before.place(&mut self.figures) -= 1;
        *after.place(&mut self.figures) += 1;
    }

    pub(crate) fn figures(&self) -> AgentFigures {
        self.figures
    }

    pub(crate) fn len(&self) -> usize {
        self.all.len()
    }

    pub(crate) fn find(&self, id: &AgentId) -> Option<AgentKey> {
        self.by_id.get(id).copied()
    }

    pub(crate) fn get(&self, key: AgentKey) -> &Agent {
        &self.all[key.0 as usize]
    }

    pub(crate) fn get_mut(&mut self, key: AgentKey) -> &mut Agent {
        &mut self.all[key.0 as usize]
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Agent> {
        self.all.iter()
    }

    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Agent> {
        self.all.iter_mut()
    }

    /// All agents in the order of their ids.
    pub(crate) fn by_id(&self) -> impl Iterator<Item = &Agent> {
        self.by_id.values().map(|key| self.get(*key))
    }

    /// The agent whose silence is looked at next, and when.
    pub(crate) fn next_check(&self) -> Option<(Time, AgentKey)> {
        self.checks.first().copied()
    }

    /// Sets when the agent's silence is looked at next; never with [`Time::NEVER`].
    pub(crate) fn check_at(&mut self, key: AgentKey, at: Time) {
        let before = self.get(key).check_at;
        self.checks.remove(&(before, key));
        self.get_mut(key).check_at = at;
        if at < Time::NEVER {
            self.checks.insert((at, key));
        }
    }
}
