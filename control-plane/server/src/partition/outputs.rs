//! Where released effects go. Nothing here ever waits (rule R12).

use std::collections::HashMap;

use insula_kernel::{Effect, Input, Outcome};
use insula_pipeline::Released;
use insula_types::event::{Event, EventKind};
use insula_types::message::{Message, Peer, ToAgent};
use insula_types::{CellId, Epoch, RequestId, TraceContext};

use super::cells::Asker;
use super::links::Links;
use super::traces::Traces;
use super::{Delivered, Port, Stamped, Unavailable};
use crate::link::wire::ToGateway;
use crate::metrics::Measures;

/// Whoever waits for an answer, and about which cell.
#[derive(Debug)]
struct Waiting {
    cell: CellId,
    asker: Asker,
}

/// Everybody whom the driver may have something to tell.
#[derive(Debug)]
pub(super) struct Outputs {
    port: Port,
    pub(super) links: Links,
    pub(super) traces: Traces,
    /// As many as there are requests in the pipeline, whose bound is theirs.
    waiting: HashMap<RequestId, Waiting>,
    last_request: u64,
}

impl Outputs {
    pub(super) fn new(port: Port, links: Links, traces: Traces) -> Self {
        Self {
            port,
            links,
            traces,
            waiting: HashMap::new(),
            last_request: 0,
        }
    }

    /// What this process counts and measures.
    pub(super) fn measures(&self) -> &Measures {
        self.port.sessions().measures()
    }

    /// Numbers an input anew, so that no two askers ever meet under one number, and remembers who
    /// waits for its outcome.
    pub(super) fn expect(
        &mut self,
        cell: &CellId,
        input: &mut Input,
        asker: Asker,
    ) -> Option<RequestId> {
        let request = input.request_mut()?;
        self.last_request += 1;
        *request = RequestId(self.last_request);
        let cell = cell.clone();
        self.waiting.insert(*request, Waiting { cell, asker });
        Some(*request)
    }

    /// Lets an effect out.
    pub(super) fn release(&mut self, epoch: Epoch, released: Released) {
        let cell = released.cell;
        match released.effect {
            Effect::Send(peer, task, message) => self.send(&cell, &peer, epoch, task, message),
            Effect::Publish(event) => self.publish(&cell, released.commit_no, event),
            Effect::Reply(request, outcome) => {
                if let Some(waiting) = self.waiting.remove(&request) {
                    self.answer(&cell, waiting.asker, Ok(outcome));
                }
            }
            Effect::Persist(_) => debug_assert!(false, "the pipeline keeps what it persists"),
        }
    }

    fn send(
        &mut self,
        cell: &CellId,
        peer: &Peer,
        epoch: Epoch,
        task: TraceContext,
        message: Message,
    ) {
        let trace = self.traces.of(task);
        let delivered = Delivered {
            epoch,
            trace,
            message,
        };
        self.deliver(cell, peer, delivered);
    }

    fn deliver(&mut self, cell: &CellId, peer: &Peer, delivered: Delivered) {
        if let Some(far) = self.port.sessions().deliver(cell, peer, delivered) {
            // Ends when the message is on its way.
            let _relaying = Traces::relaying(peer, &far.trace, &far.message);
            // For a peer that is not there either, it is lost, as it would be on a connection that
            // broke.
            self.links.deliver(cell, peer, far.trace, far.message);
        }
    }

    fn publish(&self, cell: &CellId, commit_no: u64, event: Event) {
        if let EventKind::Alarm { sentence } = &event.kind {
            tracing::warn!(%cell, %sentence, "alarm");
        }
        self.traces.happened(cell, &event);
        if let Some(events) = self.port.events(cell) {
            events.publish(Stamped { commit_no, event });
        }
    }

    /// Tells an asker what became of its input.
    pub(super) fn answer(
        &mut self,
        cell: &CellId,
        asker: Asker,
        outcome: Result<Outcome, Unavailable>,
    ) {
        match asker {
            Asker::Nobody => {}
            Asker::Here(answer) => {
                // Whoever asked may have gone away meanwhile.
                let _ = answer.send(outcome);
            }
            Asker::Link(link, request, trace) => {
                let said = match outcome {
                    Ok(outcome) => ToGateway::Reply { request, outcome },
                    Err(unavailable) => ToGateway::Unavailable {
                        request,
                        uncertain: unavailable.uncertain,
                        reason: unavailable.reason.as_deref().map(str::to_owned),
                    },
                };
                self.links.say(&link, Some(cell), trace, &said);
            }
        }
    }

    /// An input was not stepped: whoever waits for it is told.
    pub(super) fn refuse(&mut self, request: RequestId, unavailable: Unavailable) {
        if let Some(waiting) = self.waiting.remove(&request) {
            self.answer(&waiting.cell, waiting.asker, Err(unavailable));
        }
    }

    /// Nobody will answer what is under way in a cell: whoever waits is told.
    pub(super) fn fail_cell(&mut self, cell: &CellId, unavailable: &Unavailable) {
        let of_cell: Vec<_> = self
            .waiting
            .extract_if(|_, waiting| waiting.cell == *cell)
            .collect();
        for (_, waiting) in of_cell {
            self.answer(cell, waiting.asker, Err(unavailable.clone()));
        }
    }

    /// What a cell's sessions were told is void, or was told by another kernel: frameworks' sessions
    /// end, and agents are asked to register again.
    pub(super) fn reset_cell(&mut self, cell: &CellId, epoch: Epoch) {
        self.port.sessions().reset(cell, epoch);
        for peer in self.links.sessions_of(cell) {
            match peer {
                Peer::Framework { .. } => self.close(cell, peer),
                Peer::Agent { .. } => {
                    let resync = Message::ToAgent(ToAgent::Resync);
                    self.links.deliver(cell, &peer, self.traces.cause(), resync);
                }
            }
        }
    }

    fn close(&mut self, cell: &CellId, peer: Peer) {
        let far = (cell.clone(), peer);
        if let Some(link) = self.links.route(&far) {
            let peer = far.1.clone();
            let said = ToGateway::Close { peer };
            self.links
                .say(&link, Some(cell), self.traces.cause(), &said);
            self.links.forget(cell, &far.1);
        }
    }

    /// Ends everything that was said under an epoch, since what the kernels in memory said or would
    /// have said may never become true (rule R17).
    pub(super) fn end<'a>(
        &mut self,
        cells: impl Iterator<Item = &'a CellId>,
        epoch: Epoch,
        uncertain: bool,
    ) {
        let unavailable = Unavailable {
            uncertain,
            reason: None,
        };
        for waiting in std::mem::take(&mut self.waiting).into_values() {
            self.answer(&waiting.cell, waiting.asker, Err(unavailable.clone()));
        }
        for cell in cells {
            self.port.sessions().reset(cell, epoch);
        }
        for link in self.links.ids() {
            self.links.end(&link);
        }
    }
}
