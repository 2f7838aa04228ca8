//! A model of the broker: streams in which messages arrive in order, unless they are lost.
//!
//! A stream has many writers, each with a link of its own, and one reader: the owner of a partition in
//! one epoch, or the gateway of a replica (rule R14). A message is numbered within its link and
//! direction. What can go wrong is what can with a server that holds its data in memory: it is away for a
//! while, it comes back empty, or without what was written last, and a writer that did not hear of its
//! write repeats it.

use std::collections::BTreeMap;

use insula_types::{Epoch, LinkId, PartitionId, Span, Time};

use crate::context::Context;
use crate::event::Event;
use crate::history::START;
use crate::link::Payload;
use crate::replica::ReplicaNo;

/// Where messages are written and read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Stream {
    In(PartitionId, Epoch),
    Out(ReplicaNo),
}

/// A message of a link.
#[derive(Debug, Clone)]
pub(crate) struct Post {
    pub(crate) link: LinkId,
    /// The message's number; in a beat the number of the last message.
    pub(crate) seq: u64,
    pub(crate) payload: Payload,
    /// Its place in the stream.
    place: u64,
}

/// The broker is away: certainly nothing was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Down;

#[derive(Debug, Default)]
struct Flow {
    written: u64,
    /// When the last message arrives: none overtakes it.
    latest: Time,
    /// Messages with a place in here are gone.
    lost: Vec<(u64, u64)>,
    /// The place of the last message that arrived.
    arrived: u64,
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Broker {
    flows: BTreeMap<Stream, Flow>,
    away_until: Time,
}

impl Default for Broker {
    fn default() -> Self {
        Self {
            flows: BTreeMap::new(),
            away_until: START,
        }
    }
}

impl Broker {
    pub(crate) fn is_away(&self, ctx: &Context) -> bool {
        ctx.now < self.away_until
    }

    /// Writes a message, which arrives later or never.
    pub(crate) fn write(
        &mut self,
        ctx: &mut Context,
        stream: Stream,
        link: LinkId,
        seq: u64,
        payload: Payload,
    ) -> Result<(), Down> {
        if self.is_away(ctx) {
            return Err(Down);
        }
        let flow = self.flows.entry(stream).or_default();
        flow.written += 1;
        let post = Post {
            link,
            seq,
            payload,
            place: flow.written,
        };
        let repeated = ctx.options.repeated_post;
        if ctx.fault(repeated) {
            Self::send(ctx, flow, stream, post.clone());
        }
        Self::send(ctx, flow, stream, post);
        Ok(())
    }

    fn send(ctx: &mut Context, flow: &mut Flow, stream: Stream, post: Post) {
        let latency = if ctx.calm {
            ctx.rng.millis(0, 2)
        } else {
            let most = ctx.options.broker_latency;
            ctx.rng.millis(0, most)
        };
        flow.latest = flow.latest.max(ctx.now + latency);
        ctx.at(flow.latest, Event::Posted(stream, post));
    }

    /// Whether a message gets to its reader now. It waits in the stream while the broker is away.
    pub(crate) fn arrives(&mut self, ctx: &mut Context, stream: Stream, post: &Post) -> bool {
        if self.is_away(ctx) {
            let until = self.away_until;
            if let Some(flow) = self.flows.get_mut(&stream) {
                flow.latest = flow.latest.max(until);
            }
            ctx.at(until, Event::Posted(stream, post.clone()));
            return false;
        }
        let Some(flow) = self.flows.get_mut(&stream) else {
            return false;
        };
        if post.place > flow.written {
            // The stream was removed, and begun anew by somebody who did not know.
            return false;
        }
        flow.arrived = flow.arrived.max(post.place);
        let lost = |(from, to): &(u64, u64)| (*from..=*to).contains(&post.place);
        !flow.lost.iter().any(lost)
    }

    /// Away for so long.
    pub(crate) fn goes_away(&mut self, ctx: &Context, span: Span) {
        self.away_until = self.away_until.max(ctx.now + span);
    }

    pub(crate) fn comes_back(&mut self, ctx: &Context) {
        self.away_until = ctx.now;
    }

    /// All messages that have not arrived are gone.
    pub(crate) fn loses_everything(&mut self) {
        for flow in self.flows.values_mut() {
            flow.lose_from(flow.arrived + 1);
        }
    }

    /// Another server takes over that did not have the latest messages of some streams, and their
    /// writers go on: nobody is told.
    pub(crate) fn loses_the_last(&mut self, ctx: &mut Context) {
        for flow in self.flows.values_mut() {
            let under_way = flow.written - flow.arrived;
            let kept = ctx.rng.between(0, under_way);
            flow.lose_from(flow.arrived + kept + 1);
            // What is written until the old server is found dead goes with it.
            if ctx.rng.chance(500) {
                let more = ctx.rng.between(1, 5);
                flow.lost.push((flow.written + 1, flow.written + more));
            }
        }
    }

    /// Nobody reads or writes the stream any more.
    pub(crate) fn forget(&mut self, stream: Stream) {
        self.flows.remove(&stream);
    }
}

impl Flow {
    fn lose_from(&mut self, from: u64) {
        if from <= self.written {
            self.lost.push((from, self.written));
        }
    }
}
