//! What is between replicas: links, the broker, queues.

use super::super::definition::{Definition, Unit};
use super::super::label::Label;
use super::super::labels::{Direction, LinkMessage, Queue, Side};

/// Messages on links.
pub const LINK_MESSAGES: Definition = Definition::counter(
    "insula.link.messages",
    Unit::Of("{message}"),
    &[Label::of::<Direction>(), Label::of::<LinkMessage>()],
)
.means("Messages on links between gateways and owners of other replicas.")
.when_bad("`unavailable`: owners refuse what they are handed, see `insula_cells`.");

/// Open links.
pub const LINKS_OPEN: Definition = Definition::gauge(
    "insula.links.open",
    Unit::Of("{link}"),
    &[Label::of::<Side>()],
)
.means("Links of this replica, as a gateway and as an owner.")
.when_bad("None on a replica of several that has clients: the broker is away.");

/// Links that ended.
pub const LINK_ENDS: Definition = Definition::counter(
    "insula.link.ends",
    Unit::Of("{link}"),
    &[Label::of::<Side>()],
)
.means("Links that ended, for whatever reason.")
.when_bad("More than takeovers and restarts explain: messages are lost in Redis, or it is too slow; its log and `insula_broker_round_trip_seconds_total` tell.");

/// Whether the broker answers.
pub const BROKER_UP: Definition = Definition::gauge("insula.broker.up", Unit::Of("{broker}"), &[])
    .means("1 if the broker answered last, else 0; nothing where there is no broker.")
    .when_bad("0: Redis is away. Everything whose owner and client are on one replica goes on; the rest comes back with it.");

/// Connections that were made anew.
pub const BROKER_RECONNECTS: Definition =
    Definition::counter("insula.broker.reconnects", Unit::Of("{connection}"), &[])
        .means("Times that the broker was away and came back.")
        .when_bad("Often: Redis restarts, or the network to it breaks.");

/// Round trips.
pub const BROKER_ROUND_TRIPS: Definition =
    Definition::counter("insula.broker.round_trips", Unit::Of("{request}"), &[])
        .means("Batches that were written to the broker and confirmed.");

/// The time of round trips.
pub const BROKER_ROUND_TRIP_TIME: Definition = Definition::counter(
    "insula.broker.round_trip",
    Unit::Seconds,
    &[],
)
.means("Time that these took together; divided by their number, the mean time of a hop.")
.when_bad("A mean above 10 ms: Redis is busy or far away; every hop between replicas takes that much longer.");

/// Bytes through the broker.
pub const BROKER_BYTES: Definition = Definition::counter(
    "insula.broker.io",
    Unit::Bytes,
    &[Label::of::<Direction>()],
)
.means("Messages that were written to the broker and read from it.")
.when_bad(
    "Near what the network carries: add replicas, so that more clients meet their owner at once.",
);

/// Writers whose readers are behind.
pub const BROKER_STALLED: Definition =
    Definition::gauge("insula.broker.writers.stalled", Unit::Of("{writer}"), &[])
        .means("Writers that wait because the reader of their stream is behind.")
        .when_bad("For longer than a few seconds: the replica that reads is overloaded or hangs.");

/// Queues.
pub const QUEUE_DEPTH: Definition = Definition::gauge(
    "insula.queue.depth",
    Unit::Of("{item}"),
    &[Label::of::<Queue>()],
)
.means("What waits in a bounded queue; of queues that there are many of, the fullest. In bytes if the queue's name says so.")
.when_bad("Above half of `insula_queue_limit` for minutes: whoever empties it is too slow. At the limit senders wait (`cell_inputs`, `link_inputs`, `uploads`, `store_connections`), are cut (`session_messages`), or things are dropped (`spans`); nothing that was acknowledged is lost.");

/// The bounds of queues.
pub const QUEUE_LIMIT: Definition = Definition::gauge(
    "insula.queue.limit",
    Unit::Of("{item}"),
    &[Label::of::<Queue>()],
)
.means("How much may wait there.");
