//! All links of this process' gateways.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use insula_broker::{Beats, Broker, Envelope, SendError, Stream, Writer};
use insula_kernel::Outcome;
use insula_telemetry::metrics::labels::{Direction, LinkMessage, Side};
use insula_telemetry::names::{key, span::OPEN_LINK};
use insula_telemetry::{Kind, Span};
use insula_types::{CellId, Epoch, LinkId, PartitionId, ReplicaId, RequestId, TraceContext};
use tokio::sync::{oneshot, watch};
use tokio::time::Instant;
use tokio_util::task::AbortOnDropHandle;

use super::Link;
use super::care::care;
use super::conversation::{Conversation, Do, Reach};
use super::hear::hear;
use super::wire::ToOwner;
use crate::partition::{Sessions, Unavailable};
use crate::replica::Owners;

/// Longest that the last words of all links may take.
const GOODBYE: Duration = Duration::from_secs(2);

/// How the answer to an ask finds the way back.
pub(super) type Answer = oneshot::Sender<Result<Outcome, Unavailable>>;

/// The links of this replica; cheap to clone.
#[derive(Debug, Clone)]
pub struct Links {
    pub(super) shared: Arc<Shared>,
    _tasks: Arc<[AbortOnDropHandle<()>; 2]>,
}

#[derive(Debug)]
pub(super) struct Shared {
    pub(super) broker: Broker,
    pub(super) owners: Owners,
    pub(super) sessions: Sessions,
    open: Mutex<Open>,
    /// Changes when a link is welcomed or ends.
    changed: watch::Sender<u64>,
}

/// What is open, and what is known of it.
#[derive(Debug, Default)]
pub(super) struct Open {
    conversations: BTreeMap<PartitionId, Conversation<Answer>>,
    writers: HashMap<LinkId, OpenLink>,
    /// How many links this replica ever opened: their names.
    opened: u64,
}

#[derive(Debug)]
struct OpenLink {
    partition: PartitionId,
    epoch: Epoch,
    writer: Writer,
    /// What is said about the link itself belongs here.
    trace: TraceContext,
}

/// A message for an owner.
pub(super) struct Parcel {
    pub(super) cell: CellId,
    pub(super) trace: TraceContext,
    pub(super) payload: Bytes,
}

/// What became of a message for an owner.
pub(super) enum Put<R> {
    /// It is on its way.
    Sent,
    /// Too much waits; this completes when it is worth trying again.
    Full(R),
    /// The link is over, and the message was certainly not sent.
    Over,
}

impl Links {
    /// No links yet. The tasks behind them run on the runtime that this is called on, for as long as
    /// there is a clone of this.
    #[must_use]
    pub fn new(broker: Broker, owners: Owners, sessions: Sessions) -> Self {
        let reader = broker.reader(Stream::Out(owners.me().clone()));
        let shared = Arc::new(Shared {
            broker,
            owners,
            sessions,
            open: Mutex::default(),
            changed: watch::Sender::new(0),
        });
        let tasks = [
            tokio::spawn(hear(Arc::clone(&shared), reader)),
            tokio::spawn(care(Arc::clone(&shared))),
        ];
        Self {
            shared,
            _tasks: Arc::new(tasks.map(AbortOnDropHandle::new)),
        }
    }

    /// The way to the owner of a partition in this epoch. A link is opened when something is sent.
    #[must_use]
    pub fn to(&self, partition: PartitionId, epoch: Epoch, owner: &ReplicaId) -> Link {
        Link::new(Arc::clone(&self.shared), partition, epoch, owner.clone())
    }

    /// What carries them.
    #[must_use]
    pub fn broker(&self) -> &Broker {
        &self.shared.broker
    }

    /// How many links are open.
    #[must_use]
    pub fn len(&self) -> usize {
        self.shared.lock().writers.len()
    }

    /// Whether none is.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many asks wait for an answer, over all links.
    #[must_use]
    pub fn pending(&self) -> usize {
        let open = self.shared.lock();
        open.conversations.values().map(Conversation::pending).sum()
    }

    /// The partitions whose owners serve, and have not been reached from here for so long that their
    /// agents should look for them by themselves.
    #[must_use]
    pub fn forsaken(&self) -> Vec<PartitionId> {
        let open = self.shared.lock();
        let now = Instant::now();
        let all = open.conversations.iter();
        all.filter(|(_, conversation)| conversation.forsaken(now).is_some())
            .map(|(partition, _)| *partition)
            .collect()
    }

    /// Ends sessions of agents of a partition that is still forsaken, at most so many, and says how
    /// many: the agents connect again, as a rule to another replica. Each agent is given as much time
    /// here as the owner is to answer in, so that nobody goes around in a hurry.
    #[must_use]
    pub fn send_away(&self, partition: PartitionId, most: usize) -> usize {
        let shared = &self.shared;
        let silence = shared.broker.options().silence;
        // A clock that has not run for so long has seen nobody wait for so long.
        let Some(came_before) = std::time::Instant::now().checked_sub(silence) else {
            return 0;
        };
        shared.with(partition, |conversation, _| {
            let cells = conversation.forsaken(Instant::now()).into_iter().flatten();
            cells.fold(0, |sent, cell| {
                sent + shared.sessions.end_agents(cell, came_before, most - sent)
            })
        })
    }

    /// Says goodbye on every link, so that owners need not find out. Nothing is to be sent after it.
    pub async fn close(&self) {
        let writers = self.shared.say_goodbye();
        let flushed = async {
            for writer in writers {
                writer.finish().await;
            }
        };
        // Whoever is left without a word finds out by the silence.
        let _ = tokio::time::timeout(GOODBYE, flushed).await;
        let mine = Stream::Out(self.shared.owners.me().clone());
        if let Err(error) = self.shared.broker.remove(&mine).await {
            tracing::debug!(%error, "the out-stream vanishes by itself");
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes of links from now on.
    pub(super) fn changes(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }

    /// Does something with the conversation about a partition, and then what follows from it.
    pub(super) fn with<T>(
        &self,
        partition: PartitionId,
        act: impl FnOnce(&mut Conversation<Answer>, &mut Vec<Do<Answer>>) -> T,
    ) -> T {
        let mut open = self.lock();
        let mut orders = Vec::new();
        let done = act(self.conversation(&mut open, partition), &mut orders);
        self.perform(&mut open, partition, orders);
        done
    }

    /// The same with the conversation that a link belongs to; nothing if the link is over.
    pub(super) fn with_link<T>(
        &self,
        link: &LinkId,
        act: impl FnOnce(&mut Conversation<Answer>, &mut Vec<Do<Answer>>) -> T,
    ) -> Option<T> {
        let mut open = self.lock();
        let partition = open.writers.get(link)?.partition;
        let mut orders = Vec::new();
        let done = act(self.conversation(&mut open, partition), &mut orders);
        self.perform(&mut open, partition, orders);
        Some(done)
    }

    /// The same with every conversation that there is.
    pub(super) fn with_all(
        &self,
        mut act: impl FnMut(PartitionId, &mut Conversation<Answer>, &mut Vec<Do<Answer>>),
    ) {
        let mut open = self.lock();
        let partitions: Vec<PartitionId> = open.conversations.keys().copied().collect();
        for partition in partitions {
            let mut orders = Vec::new();
            act(
                partition,
                self.conversation(&mut open, partition),
                &mut orders,
            );
            self.perform(&mut open, partition, orders);
        }
    }

    /// Ends the links whose writers say no more. One that was opened while the broker was going away
    /// is not among those whose loss the reader tells of.
    pub(super) fn end_dead(&self) {
        self.bury(&mut self.lock());
    }

    fn bury(&self, open: &mut Open) {
        let dead = open.writers.iter().filter(|(_, to)| to.writer.is_down());
        let dead: Vec<_> = dead
            .map(|(link, to)| (link.clone(), to.partition))
            .collect();
        for (link, partition) in dead {
            let mut orders = Vec::new();
            let conversation = self.conversation(open, partition);
            conversation.broken(&link, Instant::now(), &mut orders);
            self.perform(open, partition, orders);
        }
    }

    /// Looks for the way to an owner, and opens it.
    pub(super) fn reach(&self, partition: PartitionId, epoch: Epoch) -> Reach {
        let mut open = self.lock();
        self.bury(&mut open);
        let fresh = open.opened + 1;
        let me = self.owners.me();
        let mut orders = Vec::new();
        let name = || LinkId::from(format!("{me}.{fresh}"));
        let conversation = self.conversation(&mut open, partition);
        let reach = conversation.reach(epoch, name, Instant::now(), &mut orders);
        self.perform(&mut open, partition, orders);
        reach
    }

    /// Hands a message to a link's writer. The ask is taken only if it was sent.
    pub(super) fn put(
        &self,
        link: &LinkId,
        parcel: &Parcel,
        ask: &mut Option<(RequestId, Answer)>,
    ) -> Put<impl Future<Output = ()> + Send + use<>> {
        let mut open = self.lock();
        let Some(to) = open.writers.get_mut(link) else {
            return Put::Over;
        };
        let partition = to.partition;
        let envelope = Envelope::new(
            Some(parcel.cell.clone()),
            to.epoch,
            parcel.trace.clone(),
            parcel.payload.clone(),
        );
        match to.writer.send(envelope) {
            Ok(seq) => {
                self.sent(LinkMessage::Input);
                let conversation = self.conversation(&mut open, partition);
                conversation.sent(link, &parcel.cell, seq, ask.take());
                Put::Sent
            }
            Err(SendError::Full) => Put::Full(to.writer.room()),
            Err(SendError::Down) => {
                let mut orders = Vec::new();
                let conversation = self.conversation(&mut open, partition);
                conversation.broken(link, Instant::now(), &mut orders);
                self.perform(&mut open, partition, orders);
                Put::Over
            }
        }
    }

    fn conversation<'a>(
        &self,
        open: &'a mut Open,
        partition: PartitionId,
    ) -> &'a mut Conversation<Answer> {
        let silence = self.broker.options().silence;
        let conversations = &mut open.conversations;
        conversations
            .entry(partition)
            .or_insert_with(|| Conversation::new(silence))
    }

    fn perform(&self, open: &mut Open, partition: PartitionId, orders: Vec<Do<Answer>>) {
        if orders.is_empty() {
            return;
        }
        for next in orders {
            match next {
                Do::Open(link, epoch) => self.open(open, partition, link, epoch),
                Do::Drop(link) => {
                    tracing::info!(%link, partition = partition.0, "a link to an owner is over");
                    self.over(open, &link);
                }
                Do::Ready(link) => {
                    tracing::info!(%link, partition = partition.0, "a link to an owner is open");
                }
                Do::Answer(answer, answered) => {
                    // Whoever asked may have gone away meanwhile.
                    let _ = answer.send(answered);
                }
                Do::EndFrameworks(cell) => self.sessions.end_frameworks(&cell),
                Do::Resync(cell, epoch) => self.sessions.resync(&cell, epoch),
            }
        }
        self.changed.send_modify(|changes| *changes += 1);
    }

    fn open(&self, open: &mut Open, partition: PartitionId, link: LinkId, epoch: Epoch) {
        open.opened += 1;
        let stream = Stream::In { partition, epoch };
        let mut writer = self.broker.writer(stream, link.clone(), Beats::EverySecond);
        let opening = Span::root(OPEN_LINK, Kind::Client)
            .with(key::PARTITION, i64::from(partition.0))
            .with(key::EPOCH, epoch.to_string());
        let trace = opening.end();
        let said = say(&mut writer, epoch, trace.clone(), &ToOwner::Hello);
        let to = OpenLink {
            partition,
            epoch,
            writer,
            trace,
        };
        open.writers.insert(link.clone(), to);
        if !said {
            // The broker is away. A link that was never welcomed leaves nothing to be done.
            let conversation = self.conversation(open, partition);
            conversation.broken(&link, Instant::now(), &mut Vec::new());
            self.over(open, &link);
        }
        self.sent(LinkMessage::Hello);
    }

    fn over(&self, open: &mut Open, link: &LinkId) {
        if open.writers.remove(link).is_some() {
            self.sessions.measures().link_ends.one(Side::Gateway);
        }
    }

    fn sent(&self, kind: LinkMessage) {
        let measures = self.sessions.measures();
        measures.link_messages.one((Direction::Sent, kind));
    }

    fn say_goodbye(&self) -> Vec<Writer> {
        let mut open = self.lock();
        let links: Vec<OpenLink> = open.writers.drain().map(|(_, to)| to).collect();
        let conversations = std::mem::take(&mut open.conversations);
        drop(open);
        // What waits for an answer hears by this that nobody knows.
        drop(conversations);
        let said = links.into_iter().map(|mut to| {
            say(&mut to.writer, to.epoch, to.trace, &ToOwner::Bye);
            self.sent(LinkMessage::Bye);
            to.writer
        });
        said.collect()
    }
}

fn say(writer: &mut Writer, epoch: Epoch, trace: TraceContext, what: &ToOwner) -> bool {
    let Ok(payload) = what.encode() else {
        return false;
    };
    let envelope = Envelope::new(None, epoch, trace, payload);
    writer.send(envelope).is_ok()
}
