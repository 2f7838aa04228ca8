//! A network that loses, delays and goes silent, and never reorders or repeats within a connection.
//!
//! A connection is an ordered stream in both directions, as TCP and HTTP/2 give it. Each end receives
//! a prefix of what the other sent: when a connection breaks or goes silent, everything that has not
//! arrived by then never does, and each end learns of it at a time of its own. Between connections
//! there is no order at all.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use insula_types::Time;

use crate::context::Context;
use crate::event::Event;
use crate::replica::ReplicaNo;
use crate::wire::Wire;

/// Who dials.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Client {
    Machine(usize),
    Framework(usize),
    Submitter(usize),
}

impl fmt::Display for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match self {
            Self::Machine(number) => format!("agent-{number}"),
            Self::Framework(number) => format!("framework-{number}"),
            Self::Submitter(number) => format!("person-{number}"),
        };
        f.pad(&text)
    }
}

/// An end of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    Client,
    Replica,
}

/// Names a connection; never used again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ConnectionId(pub(crate) u64);

/// An end, as far as it knows.
#[derive(Debug, Clone, Copy)]
struct End {
    open: bool,
    /// When the latest message or the close that was sent to it arrives.
    latest: Time,
}

#[derive(Debug)]
pub(crate) struct Connection {
    pub(crate) client: Client,
    pub(crate) replica: ReplicaNo,
    client_end: End,
    replica_end: End,
    /// Whether each message takes long.
    slow: bool,
    /// Nothing arrives any more, whether the ends know it or not.
    silent: bool,
    /// When the control plane ended it, if that was its doing.
    pub(crate) by_us: Option<Time>,
    pub(crate) opened_at: Time,
}

impl Connection {
    /// Whether what is said on it arrives.
    pub(crate) fn stands(&self) -> bool {
        !self.silent && self.client_end.open && self.replica_end.open
    }

    fn end(&mut self, side: Side) -> &mut End {
        match side {
            Side::Client => &mut self.client_end,
            Side::Replica => &mut self.replica_end,
        }
    }
}

/// All connections of which some end does not yet know that it is over.
#[derive(Debug, Default)]
pub(crate) struct Network {
    connections: BTreeMap<ConnectionId, Connection>,
    isolated: BTreeMap<Client, Time>,
    count: u64,
}

impl Network {
    pub(crate) fn open(
        &mut self,
        ctx: &mut Context,
        client: Client,
        replica: ReplicaNo,
    ) -> ConnectionId {
        self.count += 1;
        let slow = ctx.options.slow_connection;
        let id = ConnectionId(self.count);
        let end = End {
            open: true,
            latest: ctx.now,
        };
        let connection = Connection {
            client,
            replica,
            client_end: end,
            replica_end: end,
            slow: ctx.fault(slow),
            silent: false,
            by_us: None,
            opened_at: ctx.now,
        };
        self.connections.insert(id, connection);
        id
    }

    pub(crate) fn get(&self, id: ConnectionId) -> Option<&Connection> {
        self.connections.get(&id)
    }

    /// Connections on which messages arrive.
    pub(crate) fn alive(&self) -> Vec<ConnectionId> {
        let alive = |(_, connection): &(&ConnectionId, &Connection)| !connection.silent;
        self.connections
            .iter()
            .filter(alive)
            .map(|(id, _)| *id)
            .collect()
    }

    /// Sends to one side; lost if the connection is over.
    pub(crate) fn send(&mut self, ctx: &mut Context, id: ConnectionId, side: Side, wire: Wire) {
        let Some(at) = self.arrival(ctx, id, side) else {
            return;
        };
        let event = Event::Arrive {
            connection: id,
            side,
            wire,
        };
        ctx.at(at, event);
    }

    /// When a message that is sent now arrives: after everything that was sent to that side before.
    fn arrival(&mut self, ctx: &mut Context, id: ConnectionId, side: Side) -> Option<Time> {
        let connection = self.connections.get_mut(&id)?;
        let from = match side {
            Side::Client => Side::Replica,
            Side::Replica => Side::Client,
        };
        if !connection.end(from).open {
            return None;
        }
        let latency = if connection.slow && !ctx.calm {
            ctx.rng.millis(10, 2_000)
        } else {
            ctx.rng.millis(0, 5)
        };
        let end = connection.end(side);
        end.latest = end.latest.max(ctx.now + latency);
        Some(end.latest)
    }

    /// Whether a message that was sent to a side gets there.
    pub(crate) fn arrives(&mut self, id: ConnectionId, side: Side) -> bool {
        self.connections
            .get_mut(&id)
            .is_some_and(|connection| !connection.silent && connection.end(side).open)
    }

    /// One end is done: what it sent still arrives, and then the other end learns of it.
    pub(crate) fn close(&mut self, ctx: &mut Context, id: ConnectionId, by: Side) {
        let other = match by {
            Side::Client => Side::Replica,
            Side::Replica => Side::Client,
        };
        let Some(at) = self.arrival(ctx, id, other) else {
            return;
        };
        if let Some(connection) = self.connections.get_mut(&id) {
            connection.end(by).open = false;
            // On a silent connection the other end learns it by its own timeout.
            if !connection.silent {
                let event = Event::Closed {
                    connection: id,
                    side: other,
                };
                ctx.at(at, event);
            }
        }
    }

    /// Nothing arrives any more; each end learns of it within `most` milliseconds.
    pub(crate) fn cut(&mut self, ctx: &mut Context, id: ConnectionId, most: u64) {
        let Some(connection) = self.connections.get_mut(&id) else {
            return;
        };
        if std::mem::replace(&mut connection.silent, true) {
            return;
        }
        for side in [Side::Client, Side::Replica] {
            let event = Event::Closed {
                connection: id,
                side,
            };
            ctx.within(0, most, event);
        }
    }

    /// The control plane ends it, unless it was over before.
    pub(crate) fn blame_us(&mut self, now: Time, id: ConnectionId) {
        if let Some(connection) = self.connections.get_mut(&id) {
            let stands = !connection.silent && connection.client_end.open;
            if stands && connection.replica_end.open {
                connection.by_us = Some(now);
            }
        }
    }

    /// An end learns that the connection is over; tells whether that is news to it.
    pub(crate) fn closed(&mut self, id: ConnectionId, side: Side) -> bool {
        let Some(connection) = self.connections.get_mut(&id) else {
            return false;
        };
        let news = std::mem::replace(&mut connection.end(side).open, false);
        if !connection.client_end.open && !connection.replica_end.open {
            self.connections.remove(&id);
        }
        news
    }

    /// A process is gone: its end is closed at once, and the others learn of it soon, as the operating
    /// system resets connections of a dead process.
    pub(crate) fn cut_all(
        &mut self,
        ctx: &mut Context,
        most: u64,
        by_us: bool,
        of: impl Fn(&Connection) -> bool,
    ) {
        let ids: BTreeSet<ConnectionId> = self
            .connections
            .iter()
            .filter(|(_, connection)| of(connection))
            .map(|(id, _)| *id)
            .collect();
        for id in ids {
            if by_us {
                self.blame_us(ctx.now, id);
            }
            self.cut(ctx, id, most);
        }
    }

    /// The client reaches nobody until then.
    pub(crate) fn isolate(&mut self, ctx: &mut Context, client: Client, until: Time, most: u64) {
        self.isolated.insert(client, until);
        self.cut_all(ctx, most, false, |connection| connection.client == client);
    }

    pub(crate) fn is_isolated(&self, now: Time, client: Client) -> bool {
        self.isolated.get(&client).is_some_and(|until| now < *until)
    }

    pub(crate) fn heal(&mut self) {
        self.isolated.clear();
    }
}
