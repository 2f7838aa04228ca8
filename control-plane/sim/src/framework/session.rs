//! A framework subscribes, is cut, comes back, or begins a new life.

use super::Stream;
use crate::event::Event;
use crate::network::{Client, ConnectionId, Side};
use crate::wire::{Subscription, Wire};
use crate::world::World;

impl World {
    pub(crate) fn framework_dials(&mut self, number: usize) {
        let client = Client::Framework(number);
        let framework = &self.frameworks[number];
        if framework.done || framework.stream != Stream::Away {
            return;
        }
        let Some(replica) = self.reachable_replica(client) else {
            self.ctx.within(100, 3_000, Event::Dial(client));
            return;
        };
        let connection = self.network.open(&mut self.ctx, client, replica);
        let framework = &mut self.frameworks[number];
        framework.stream = Stream::Opening(connection);
        let subscription = Subscription {
            framework: framework.id.clone(),
            info: framework.info.clone(),
            suppressed: framework.suppressed.iter().cloned().collect(),
        };
        let wire = Wire::Subscribe(Box::new(subscription));
        self.network
            .send(&mut self.ctx, connection, Side::Replica, wire);
    }

    /// Its stream ended: what it was offered is void, and so are calls without an answer.
    pub(crate) fn framework_is_cut(&mut self, number: usize, connection: ConnectionId) {
        let framework = &mut self.frameworks[number];
        if ![Stream::Opening(connection), Stream::Open(connection)].contains(&framework.stream) {
            return;
        }
        let by_us = self.network.get(connection).and_then(|found| found.by_us);
        // If one that never opened is ended by us, the one before it may still be why it is away.
        if by_us.is_none() || matches!(framework.stream, Stream::Open(_)) {
            framework.ended_by_us = by_us;
        }
        framework.stream = Stream::Away;
        framework.offers.clear();
        framework.accepts.clear();
        framework.owed.clear();
        if !framework.done {
            self.ctx
                .within(50, 2_000, Event::Dial(Client::Framework(number)));
        }
    }

    /// It hangs up, and comes back after a while, which may be too late.
    pub(crate) fn framework_leaves(&mut self, number: usize) {
        let framework = &mut self.frameworks[number];
        let (Stream::Open(connection) | Stream::Opening(connection)) = framework.stream else {
            return;
        };
        framework.stream = Stream::Away;
        framework.ended_by_us = None;
        framework.offers.clear();
        framework.accepts.clear();
        framework.owed.clear();
        self.ctx
            .note(Client::Framework(number), format_args!("leaves"));
        self.network.close(&mut self.ctx, connection, Side::Client);
        self.network.closed(connection, Side::Client);
        let most = if self.ctx.rng.chance(200) {
            150_000
        } else {
            10_000
        };
        self.ctx
            .within(50, most, Event::Dial(Client::Framework(number)));
    }

    /// It was removed: it is gone for good, or begins anew under another id.
    pub(crate) fn framework_is_removed(&mut self, number: usize) {
        let again = !self.ctx.calm && self.ctx.rng.chance(500);
        let framework = &mut self.frameworks[number];
        framework.id = None;
        framework.ended_by_us = None;
        framework.tasks.clear();
        framework.accepts.clear();
        framework.owed.clear();
        framework.offers.clear();
        framework.done = !again;
        let what = if again { "begins anew" } else { "is done" };
        self.ctx.note(
            Client::Framework(number),
            format_args!("was removed and {what}"),
        );
        if let Stream::Open(connection) | Stream::Opening(connection) =
            std::mem::replace(&mut self.frameworks[number].stream, Stream::Away)
        {
            self.network.close(&mut self.ctx, connection, Side::Client);
            self.network.closed(connection, Side::Client);
        }
        if again {
            self.ctx
                .within(50, 2_000, Event::Dial(Client::Framework(number)));
        }
    }
}
