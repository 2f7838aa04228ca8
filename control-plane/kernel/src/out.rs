//! The effects of one step while it is made.

use insula_types::RequestId;
use insula_types::event::Event;
use insula_types::message::{Message, Peer, ToAgent, ToFramework};
use insula_types::record::Record;

use crate::{Effect, Effects, Outcome};

/// Collects a step's records apart from everything else, so that INV-1 (what must be durable precedes
/// what depends on it) holds however the step's code is ordered, and so that a refused step leaves
/// nothing behind.
#[derive(Debug, Default)]
pub(crate) struct Out {
    records: Vec<Record>,
    rest: Vec<Effect>,
}

impl Out {
    pub(crate) fn persist(&mut self, record: Record) {
        self.records.push(record);
    }

    /// How much there is besides records.
    pub(crate) fn len(&self) -> usize {
        self.rest.len()
    }

    pub(crate) fn persists(&self) -> bool {
        !self.records.is_empty()
    }

    pub(crate) fn tell_agent(&mut self, peer: Peer, message: ToAgent) {
        self.rest
            .push(Effect::Send(peer, Message::ToAgent(message)));
    }

    pub(crate) fn tell_framework(&mut self, peer: Peer, message: ToFramework) {
        self.rest
            .push(Effect::Send(peer, Message::ToFramework(message)));
    }

    pub(crate) fn publish(&mut self, event: Event) {
        self.rest.push(Effect::Publish(event));
    }

    pub(crate) fn reply(&mut self, request: RequestId, outcome: Outcome) {
        self.rest.push(Effect::Reply(request, outcome));
    }

    /// Appends everything: the records in their order, then the rest in its order.
    pub(crate) fn finish(self, effects: &mut Effects) {
        effects.extend(self.records.into_iter().map(Effect::Persist));
        effects.extend(self.rest);
    }
}
