//! What clients meet: requests, calls, sessions.

use super::super::definition::{Definition, Unit};
use super::super::label::Label;
use super::super::labels::{
    AgentMessage, Answered, Call, Direction, FrameworkEvent, Outcome, PeerKind,
};

/// Requests of all interfaces.
pub const REQUEST_DURATION: Definition = Definition::histogram(
    "http.server.request.duration",
    Unit::Seconds,
    &[
        Label::bounded("http.request.method", "the method, or `_OTHER`"),
        Label::bounded(
            "http.route",
            "the route as a pattern, of the Insula API, of the Mesos interface or of the agents' protocol; `other` for what there is not",
        ),
        Label::bounded(
            "http.response.status_code",
            "the status; a gRPC call has 200 whatever came of it",
        ),
    ],
)
.means("Time from a request to the head of its answer; a stream counts until it begins.")
.when_bad("Many 5xx: 503 says that a cell is not served or the database is away, see `insula_cells` and `insula_store_failures_total`; 500 is a defect, the log has its sentence. Slow: compare `insula_commit_duration_seconds` and `insula_queue_depth`.");

/// Requests under way.
pub const REQUESTS_OPEN: Definition =
    Definition::gauge("http.server.active_requests", Unit::Of("{request}"), &[])
        .means("Requests and streams that are under way, of all interfaces.")
        .when_bad("A rise without more clients: answers do not come; see the slow routes.");

/// Requests that another replica answers.
pub const REQUESTS_FORWARDED: Definition = Definition::counter(
    "insula.requests.forwarded",
    Unit::Of("{request}"),
    &[Label::of::<Answered>()],
)
.means("Requests that were sent on to the replica that has the kernel or the agent's connection.")
.when_bad("`failed` for longer than a takeover takes: that replica is not reachable at its `--advertise` address.");

/// Calls of frameworks.
pub const FRAMEWORK_CALLS: Definition = Definition::counter(
    "insula.framework.calls",
    Unit::Of("{call}"),
    &[Label::of::<Call>(), Label::of::<Outcome>()],
)
.means("Calls of the Mesos scheduler interface, by what became of them.")
.when_bad("`refused`: a framework makes mistakes, `insula events` shows which. `unavailable` or `uncertain`: cells are not served, see `insula_cells`.");

/// Events to frameworks.
pub const FRAMEWORK_EVENTS: Definition = Definition::counter(
    "insula.framework.events",
    Unit::Of("{event}"),
    &[Label::of::<FrameworkEvent>()],
)
.means("Events that were written to frameworks' streams.")
.when_bad("`error` and `rescind` in numbers: frameworks are turned away, or hold offers too long.");

/// How long a framework waits to be offered anything.
pub const FIRST_OFFER: Definition = Definition::histogram(
    "insula.framework.first_offer.duration",
    Unit::Seconds,
    &[],
)
.means("Time from a subscription to its first offer.")
.when_bad("Long while resources are free: see `insula_allocation_duration_seconds`; `insula events -f` says why a role gets nothing. Long while none is free is as it should be.");

/// What agents and the control plane say.
pub const AGENT_MESSAGES: Definition = Definition::counter(
    "insula.agent.messages",
    Unit::Of("{message}"),
    &[Label::of::<Direction>(), Label::of::<AgentMessage>()],
)
.means("Messages on the sessions of the agents that are connected here.")
.when_bad("Many `register` and `resync`: sessions or partitions come and go, see `insula_partition_failures_total` and `insula_link_ends_total`.");

/// Open sessions.
pub const SESSIONS_OPEN: Definition = Definition::gauge(
    "insula.sessions.open",
    Unit::Of("{session}"),
    &[Label::of::<PeerKind>()],
)
.means("Agents and frameworks that are connected to this replica.")
.when_bad("A sudden fall: a network or a load balancer cut them; they come back by themselves within seconds.");

/// Sessions that were cut.
pub const SESSIONS_CUT: Definition = Definition::counter(
    "insula.sessions.cut",
    Unit::Of("{session}"),
    &[Label::of::<PeerKind>()],
)
.means("Sessions that were ended because their peer read too slowly and its queue was full.")
.when_bad(
    "Any: a framework does not read its stream as fast as it is spoken to; look at that client.",
);
