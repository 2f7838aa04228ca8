//! Frameworks: those that subscribe, and the one that each tenant has built in.

pub(crate) mod accept;
pub(crate) mod acknowledge;
pub(crate) mod answer;
pub(crate) mod call;
pub(crate) mod decline;
pub(crate) mod disconnect;
pub(crate) mod kill;
pub(crate) mod launch;
pub(crate) mod reconcile;
pub(crate) mod subscribe;
pub(crate) mod succeed;
pub(crate) mod teardown;

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use insula_types::framework::Capabilities;
use insula_types::message::Peer;
use insula_types::record::{FrameworkRow, FrameworkState};
use insula_types::{FrameworkKey, LaunchId, SessionId, Span, Time};

use crate::allocator::FrameworkIdx;
use crate::figures::FrameworkFigures;
use crate::framework::answer::{Answer, Flow};
use crate::input::Subscribe;
use crate::offer::Tag;

/// Whether a subscribed framework can be talked to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Link {
    /// It has a session.
    Up(SessionId),
    /// It is removed at the deadline.
    Away { deadline: Time },
    /// Its id is never accepted again.
    Removed,
}

/// A framework that subscribed.
#[derive(Debug)]
pub(crate) struct Client {
    /// Exactly what is persisted.
    pub(crate) row: FrameworkRow,
    pub(crate) link: Link,
    /// A newer subscription, until its stream is known to be there; only while a session stands.
    pub(crate) successor: Option<Box<Subscribe>>,
    /// Statuses that its session asked for or is owed, beyond what one step sends.
    pub(crate) answers: VecDeque<Answer>,
    pub(crate) flow: Flow,
}

impl Client {
    /// Whether a newer subscription waits until its stream is known to be there.
    pub(crate) fn has_successor(&self) -> bool {
        self.successor.is_some()
    }

    /// How long from the end of an outage of ours it has to come back: the grace, or its own failover
    /// timeout if that is longer and only the outage ended its session (rule R18).
    pub(crate) fn patience(&self, grace: Span) -> Span {
        match self.row.state {
            FrameworkState::Subscribed => grace.max(self.row.info.failover_timeout),
            FrameworkState::Disconnected { .. } | FrameworkState::Removed { .. } => grace,
        }
    }
}

/// Which of the two kinds of frameworks one is.
#[derive(Debug)]
pub(crate) enum Side {
    Client(Box<Client>),
    /// A tenant's own: no row and no session; what it wants stands in the tenant's requests.
    BuiltIn,
}

/// One framework.
#[derive(Debug)]
pub(crate) struct Framework {
    pub(crate) idx: FrameworkIdx,
    pub(crate) key: FrameworkKey,
    pub(crate) side: Side,
    pub(crate) offers: BTreeSet<Tag>,
    /// Its tasks that are not archived.
    pub(crate) tasks: BTreeSet<LaunchId>,
}

impl Framework {
    pub(crate) fn client(&self) -> Option<&Client> {
        match &self.side {
            Side::Client(client) => Some(client),
            Side::BuiltIn => None,
        }
    }

    pub(crate) fn client_mut(&mut self) -> Option<&mut Client> {
        match &mut self.side {
            Side::Client(client) => Some(client),
            Side::BuiltIn => None,
        }
    }

    pub(crate) fn is_removed(&self) -> bool {
        self.client()
            .is_some_and(|client| client.link == Link::Removed)
    }

    pub(crate) fn session(&self) -> Option<&SessionId> {
        match &self.client()?.link {
            Link::Up(session) => Some(session),
            Link::Away { .. } | Link::Removed => None,
        }
    }

    pub(crate) fn deadline(&self) -> Option<Time> {
        match self.client()?.link {
            Link::Away { deadline } => Some(deadline),
            Link::Up(_) | Link::Removed => None,
        }
    }

    /// Its session, as far as there is one.
    pub(crate) fn peer(&self) -> Option<Peer> {
        Some(self.peer_in(self.session()?))
    }

    /// A session of it, whether it is the one that stands or not.
    pub(crate) fn peer_in(&self, session: &SessionId) -> Peer {
        Peer::Framework {
            framework: self.key.clone(),
            session: session.clone(),
        }
    }

    /// What it understands; the built-in framework understands everything.
    pub(crate) fn capabilities(&self) -> Capabilities {
        match &self.side {
            Side::Client(client) => client.row.info.capabilities,
            Side::BuiltIn => Capabilities {
                multi_role: true,
                partition_aware: true,
                task_killing_state: true,
                reservation_refinement: true,
                gpu_resources: true,
            },
        }
    }
}

/// All frameworks; an index is the place in the list and is never reused, as rows of removed
/// frameworks stay.
#[derive(Debug, Default)]
pub(crate) struct Frameworks {
    all: Vec<Framework>,
    by_key: BTreeMap<FrameworkKey, FrameworkIdx>,
    deadlines: BTreeSet<(Time, FrameworkIdx)>,
    figures: FrameworkFigures,
}

/// Where a framework is counted.
fn place<'f>(side: &Side, figures: &'f mut FrameworkFigures) -> &'f mut usize {
    match side {
        Side::BuiltIn => &mut figures.built_in,
        Side::Client(client) => match client.link {
            Link::Up(_) => &mut figures.subscribed,
            Link::Away { .. } => &mut figures.away,
            Link::Removed => &mut figures.removed,
        },
    }
}

impl Frameworks {
    /// Adds a framework; nothing if there are as many as an index can tell apart.
    pub(crate) fn add(&mut self, key: FrameworkKey, side: Side) -> Option<FrameworkIdx> {
        let idx = FrameworkIdx(u32::try_from(self.all.len()).ok()?);
        self.by_key.insert(key.clone(), idx);
        *place(&side, &mut self.figures) += 1;
        self.all.push(Framework {
            idx,
            key,
            side,
            offers: BTreeSet::new(),
            tasks: BTreeSet::new(),
        });
        if let Some(deadline) = self.get(idx).deadline() {
            self.deadlines.insert((deadline, idx));
        }
        Some(idx)
    }

    pub(crate) fn find(&self, key: &FrameworkKey) -> Option<FrameworkIdx> {
        self.by_key.get(key).copied()
    }

    pub(crate) fn get(&self, idx: FrameworkIdx) -> &Framework {
        &self.all[idx.0 as usize]
    }

    pub(crate) fn get_mut(&mut self, idx: FrameworkIdx) -> &mut Framework {
        &mut self.all[idx.0 as usize]
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Framework> {
        self.all.iter()
    }

    /// All frameworks in the order of their keys.
    pub(crate) fn by_key(&self) -> impl Iterator<Item = &Framework> {
        self.by_key.values().map(|idx| self.get(*idx))
    }

    /// Changes how a client can be talked to; statuses meant for an earlier session are dropped.
    pub(crate) fn set_link(&mut self, idx: FrameworkIdx, link: Link) {
        if let Some(deadline) = self.get(idx).deadline() {
            self.deadlines.remove(&(deadline, idx));
        }
        let side = &mut self.all[idx.0 as usize].side;
        *place(side, &mut self.figures) -= 1;
        if let Side::Client(client) = side {
            client.link = link;
            client.answers.clear();
            client.flow = Flow::default();
        }
        *place(side, &mut self.figures) += 1;
        if let Some(deadline) = self.get(idx).deadline() {
            self.deadlines.insert((deadline, idx));
        }
    }

    pub(crate) fn figures(&self) -> FrameworkFigures {
        self.figures
    }

    /// Those that are away.
    pub(crate) fn away(&self) -> impl Iterator<Item = FrameworkIdx> + '_ {
        self.deadlines.iter().map(|(_, idx)| *idx)
    }

    /// The framework that is removed next unless it comes back, and when.
    pub(crate) fn next_deadline(&self) -> Option<(Time, FrameworkIdx)> {
        self.deadlines.first().copied()
    }
}
