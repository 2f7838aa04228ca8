//! The owner's ends of links: what it says to other replicas' gateways, and which sessions are theirs.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use insula_broker::{Beats, Broker, Envelope, Stream, Writer};
use insula_kernel::Input;
use insula_telemetry::metrics::labels::{Direction, Side};
use insula_types::message::{Message, Peer, ToFramework};
use insula_types::{AgentId, CellId, Epoch, FrameworkKey, LinkId, ReplicaId, TraceContext};

use super::Sessions;
use super::link_progress::LinkProgress;
use super::whereabouts::Whereabouts;
use crate::link::wire::ToGateway;
use crate::metrics;

/// A session behind a link, in its cell.
pub(super) type Far = (CellId, Peer);

/// One open link.
#[derive(Debug)]
struct Link {
    replica: ReplicaId,
    writer: Writer,
    sessions: BTreeSet<Far>,
    progress: LinkProgress,
    /// What is said about the link itself belongs here.
    trace: TraceContext,
}

/// What was known of a link that is over.
#[derive(Debug)]
pub(super) struct Broken {
    pub(super) replica: ReplicaId,
    /// Its sessions, whose peers may well be connected still.
    pub(super) sessions: BTreeSet<Far>,
}

/// All links of one epoch. There are as many as live replicas, and for moments those that they have
/// just given up.
#[derive(Debug)]
pub(super) struct Links {
    broker: Option<Broker>,
    epoch: Epoch,
    open: BTreeMap<LinkId, Link>,
    routes: HashMap<Far, LinkId>,
    whereabouts: Whereabouts,
    /// Those of this process, for what is measured.
    sessions: Sessions,
    /// Links whose writer takes no more; to be ended by the driver (rule R12).
    stuck: BTreeSet<LinkId>,
}

impl Links {
    pub(super) fn new(
        broker: Option<Broker>,
        epoch: Epoch,
        whereabouts: Whereabouts,
        sessions: Sessions,
    ) -> Self {
        whereabouts.clear();
        Self {
            broker,
            epoch,
            sessions,
            open: BTreeMap::new(),
            routes: HashMap::new(),
            whereabouts,
            stuck: BTreeSet::new(),
        }
    }

    /// A gateway opens a link, in a trace. It hears what is known of its former ones.
    pub(super) fn open(&mut self, link: &LinkId, trace: &TraceContext, marks: Vec<(LinkId, u64)>) {
        let (Some(broker), Some(replica)) = (&self.broker, replica_of(link)) else {
            return;
        };
        let entry = Link {
            writer: broker.writer(Stream::Out(replica.clone()), link.clone(), Beats::WhenTold),
            replica,
            sessions: BTreeSet::new(),
            progress: LinkProgress::default(),
            trace: trace.clone(),
        };
        self.open.insert(link.clone(), entry);
        let said = ToGateway::Welcome { marks };
        self.say(link, None, trace.clone(), &said);
    }

    pub(super) fn is_open(&self, link: &LinkId) -> bool {
        self.open.contains_key(link)
    }

    /// How many are open.
    pub(super) fn len(&self) -> usize {
        self.open.len()
    }

    /// The progress of an open link.
    pub(super) fn progress(&mut self, link: &LinkId) -> Option<&mut LinkProgress> {
        Some(&mut self.open.get_mut(link)?.progress)
    }

    /// Up to which number the messages of a link are applied; nothing of one that is over.
    pub(super) fn applied(&self, link: &LinkId) -> Option<u64> {
        Some(self.open.get(link)?.progress.applied())
    }

    /// Tells each gateway what is applied since it was told last.
    pub(super) fn tell_applied(&mut self) {
        let news: Vec<_> = self
            .open
            .iter_mut()
            .filter_map(|(link, entry)| {
                let seq = entry.progress.news()?;
                Some((link.clone(), entry.trace.clone(), seq))
            })
            .collect();
        for (link, trace, seq) in news {
            let said = ToGateway::Applied { seq };
            self.say(&link, None, trace, &said);
        }
    }

    /// Learns from an input which session is whose.
    pub(super) fn heard(&mut self, link: &LinkId, cell: &CellId, input: &Input) {
        let Some(entry) = self.open.get_mut(link) else {
            return;
        };
        if let Input::Agent { agent, .. } = input {
            self.whereabouts.set(cell, agent, &entry.replica);
        }
        match speaker(input) {
            Some(Speaker::Speaks(peer)) => {
                let far = (cell.clone(), peer);
                if entry.sessions.insert(far.clone()) {
                    self.routes.insert(far, link.clone());
                }
            }
            Some(Speaker::Leaves(peer)) => self.forget(cell, &peer),
            None => {}
        }
    }

    /// An agent speaks in this process.
    pub(super) fn came_home(&self, cell: &CellId, agent: &AgentId) {
        if self.broker.is_some() {
            self.whereabouts.forget(cell, agent);
        }
    }

    /// Says something to a session, if it is behind a link.
    pub(super) fn deliver(
        &mut self,
        cell: &CellId,
        peer: &Peer,
        trace: TraceContext,
        message: Message,
    ) -> bool {
        let far = (cell.clone(), peer.clone());
        let Some(link) = self.routes.get(&far).cloned() else {
            return false;
        };
        let is_last = ends_session(&message);
        let peer = peer.clone();
        let said = ToGateway::Message { peer, message };
        self.say(&link, Some(cell), trace, &said);
        if is_last {
            self.forget(cell, &far.1);
        }
        true
    }

    /// The link that a session is behind.
    pub(super) fn route(&self, far: &Far) -> Option<LinkId> {
        self.routes.get(far).cloned()
    }

    /// The sessions of a cell that are behind links.
    pub(super) fn sessions_of(&self, cell: &CellId) -> Vec<Peer> {
        let of_cell = self.routes.keys().filter(|(of, _)| of == cell);
        of_cell.map(|(_, peer)| peer.clone()).collect()
    }

    /// A session is over.
    pub(super) fn forget(&mut self, cell: &CellId, peer: &Peer) {
        let far = (cell.clone(), peer.clone());
        let Some(link) = self.routes.remove(&far) else {
            return;
        };
        if let Some(entry) = self.open.get_mut(&link) {
            entry.sessions.remove(&far);
        }
    }

    /// Says something on a link, in a trace. A writer that takes no more is given up (rule R12).
    pub(super) fn say(
        &mut self,
        link: &LinkId,
        cell: Option<&CellId>,
        trace: TraceContext,
        said: &ToGateway,
    ) {
        let Some(entry) = self.open.get_mut(link) else {
            return;
        };
        let sent = (Direction::Sent, metrics::to_gateway(said));
        self.sessions.measures().link_messages.one(sent);
        let sent = match said.encode() {
            Ok(payload) => {
                let envelope = Envelope::new(cell.cloned(), self.epoch, trace, payload);
                entry.writer.send(envelope).is_ok()
            }
            Err(error) => {
                let error: &dyn std::error::Error = &error;
                tracing::error!(error, %link, "a message to another replica was not sent");
                false
            }
        };
        if !sent {
            self.stuck.insert(link.clone());
        }
    }

    /// Says on every link that this owner lives. Only for one whose lease holds: a gateway lets its
    /// frameworks believe in it because of that (rule R17).
    pub(super) fn beat(&mut self) {
        for (link, entry) in &self.open {
            if entry.writer.is_down() {
                self.stuck.insert(link.clone());
            } else {
                entry.writer.beat();
            }
        }
    }

    /// A link whose writer took no more.
    pub(super) fn next_stuck(&mut self) -> Option<LinkId> {
        self.stuck.pop_first()
    }

    /// Ends a link. Its gateway learns it by word if that gets through, else from the silence.
    pub(super) fn end(&mut self, link: &LinkId) -> Option<Broken> {
        let trace = self.open.get(link)?.trace.clone();
        self.say(link, None, trace, &ToGateway::Reset);
        let entry = self.open.remove(link)?;
        self.sessions.measures().link_ends.one(Side::Owner);
        self.stuck.remove(link);
        for far in &entry.sessions {
            // The peer may have come back by another link meanwhile.
            if self.routes.get(far) == Some(link) {
                self.routes.remove(far);
                if let Peer::Agent { agent, .. } = &far.1 {
                    self.whereabouts.forget(&far.0, agent);
                }
            }
        }
        Some(Broken {
            replica: entry.replica,
            sessions: entry.sessions,
        })
    }

    /// All open links.
    pub(super) fn ids(&self) -> Vec<LinkId> {
        self.open.keys().cloned().collect()
    }
}

/// Which replica's gateway opened a link: the part of its id before the last dot.
pub(super) fn replica_of(link: &LinkId) -> Option<ReplicaId> {
    let (replica, _) = link.as_str().rsplit_once('.')?;
    Some(ReplicaId::from(replica))
}

enum Speaker {
    Speaks(Peer),
    Leaves(Peer),
}

fn speaker(input: &Input) -> Option<Speaker> {
    match input {
        Input::Subscribe(subscribe) => {
            let framework = subscribe.framework.as_ref().unwrap_or(&subscribe.fresh);
            Some(Speaker::Speaks(Peer::Framework {
                framework: FrameworkKey {
                    tenant: subscribe.tenant.clone(),
                    framework: framework.clone(),
                },
                session: subscribe.session.clone(),
            }))
        }
        Input::Agent { agent, session, .. } => Some(Speaker::Speaks(Peer::Agent {
            agent: agent.clone(),
            session: session.clone(),
        })),
        Input::FrameworkDisconnected {
            framework, session, ..
        } => Some(Speaker::Leaves(Peer::Framework {
            framework: framework.clone(),
            session: session.clone(),
        })),
        Input::AgentDisconnected { agent, session, .. } => Some(Speaker::Leaves(Peer::Agent {
            agent: agent.clone(),
            session: session.clone(),
        })),
        // A framework's call may come by another replica than its stream.
        Input::Call { .. }
        | Input::MarkReached { .. }
        | Input::DiscardHeld { .. }
        | Input::Timer
        | Input::Excused(_)
        | Input::Submit { .. }
        | Input::Withdraw { .. }
        | Input::SetRole { .. } => None,
    }
}

fn ends_session(message: &Message) -> bool {
    use insula_types::message::ToAgent;
    matches!(
        message,
        Message::ToAgent(ToAgent::Disconnect { .. })
            | Message::ToFramework(ToFramework::Error(_) | ToFramework::Close)
    )
}
