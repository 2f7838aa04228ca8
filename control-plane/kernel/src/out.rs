//! The effects of one step while it is made.

use std::collections::BTreeMap;

use insula_types::event::{Event, Rescinded};
use insula_types::message::{Message, Peer, ToAgent, ToFramework};
use insula_types::record::Record;
use insula_types::{RequestId, TaskStatus, TraceContext};

use crate::allocator::FrameworkIdx;
use crate::{Effect, Effects, Outcome};

/// Collects a step's records apart from everything else, so that INV-1 (what must be durable precedes
/// what depends on it) holds however the step's code is ordered, and so that a refused step leaves
/// nothing behind.
#[derive(Debug, Default)]
pub(crate) struct Out {
    records: Vec<Record>,
    rest: Vec<Effect>,
    rescinded: BTreeMap<(FrameworkIdx, Rescinded), usize>,
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

    /// Says what concerns no task.
    pub(crate) fn tell_agent(&mut self, peer: Peer, message: ToAgent) {
        self.tell_agent_of(peer, TraceContext::default(), message);
    }

    /// Says what concerns the task of that trace.
    pub(crate) fn tell_agent_of(&mut self, peer: Peer, trace: TraceContext, message: ToAgent) {
        let message = Message::ToAgent(message);
        self.rest.push(Effect::Send(peer, trace, message));
    }

    /// Says what concerns no task.
    pub(crate) fn tell_framework(&mut self, peer: Peer, message: ToFramework) {
        let message = Message::ToFramework(message);
        let trace = TraceContext::default();
        self.rest.push(Effect::Send(peer, trace, message));
    }

    /// Tells a status of the task of that trace.
    pub(crate) fn tell_status(&mut self, peer: Peer, trace: TraceContext, status: TaskStatus) {
        let update = ToFramework::Update(Box::new(status));
        let message = Message::ToFramework(update);
        self.rest.push(Effect::Send(peer, trace, message));
    }

    /// Counts an offer that was taken back: one event tells of all of a step.
    pub(crate) fn count_rescinded(&mut self, framework: FrameworkIdx, why: Rescinded) {
        *self.rescinded.entry((framework, why)).or_default() += 1;
    }

    pub(crate) fn take_rescinded(&mut self) -> BTreeMap<(FrameworkIdx, Rescinded), usize> {
        std::mem::take(&mut self.rescinded)
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
