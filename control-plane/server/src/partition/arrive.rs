//! What comes in, and where it waits for its turn.

use std::time::Instant;

use insula_kernel::Input;
use insula_kernel::input::{Cause, Excused};
use insula_telemetry::metrics::labels::{Direction, LinkMessage};
use insula_telemetry::{Kind, Span};
use insula_types::message::Peer;
use insula_types::{AgentId, CellId, LinkId, ReplicaId, RequestId, TraceContext};

use super::Unavailable;
use super::cells::{Asker, Origin, Queued, Work};
use super::credits::is_reserved;
use super::handle::{Asked, Request};
use super::in_stream::{FromLink, Said};
use super::links::replica_of;
use super::live::Live;
use super::marks;
use super::status::Stage;
use super::traces::process;

impl Live {
    /// Takes a request of this process' gateways.
    pub(super) fn take(&mut self, request: Request) {
        let cell = request.cell;
        if let Asked::Input(input, _) = &request.asked
            && let Input::Agent { agent, .. } = &**input
        {
            self.outputs.links.came_home(&cell, agent);
        }
        let work = match request.asked {
            Asked::Input(input, answer) => {
                Work::Input(input, answer.map_or(Asker::Nobody, Asker::Here))
            }
            Asked::Query(question) => Work::Query(question),
        };
        let queued = Queued {
            work,
            origin: None,
            span: request.span,
            _credit: Some(request.credit),
        };
        if self.takes(&cell) {
            self.cells.push(&cell, queued);
        } else {
            self.refuse(&cell, queued);
        }
    }

    /// Takes what came by a link.
    pub(super) fn hear(&mut self, from_link: FromLink) {
        match from_link {
            FromLink::Said {
                link,
                seq,
                position,
                trace,
                said,
            } => {
                self.untrimmed.push_back((position, link.clone(), seq));
                let kind = match &said {
                    Said::Hello => LinkMessage::Hello,
                    Said::Input(..) => LinkMessage::Input,
                    Said::Bye => LinkMessage::Bye,
                };
                let heard = (Direction::Received, kind);
                self.outputs.measures().link_messages.one(heard);
                match said {
                    Said::Hello => self.hello(&link, seq, &trace),
                    Said::Input(cell, request, input) => {
                        let span = Span::begin(process(&input), Kind::Consumer, &trace);
                        self.hear_input(Origin { link, seq }, &cell, request, input, span);
                    }
                    Said::Bye => self.end_link(&link),
                }
            }
            FromLink::Broken { link, why } => {
                if self.outputs.links.is_open(&link) {
                    tracing::warn!(%link, why, "a link broke; its sessions come back by themselves");
                    self.end_link(&link);
                }
            }
            FromLink::Lost { why } => {
                // The broker itself has said so, once for all partitions.
                tracing::debug!(why, "all links broke");
                for link in self.outputs.links.ids() {
                    self.end_link(&link);
                }
                self.excuse_everyone();
            }
        }
    }

    fn hello(&mut self, link: &LinkId, seq: u64, trace: &TraceContext) {
        let Some(replica) = replica_of(link) else {
            return;
        };
        self.meet(&replica);
        // A gateway has one link; those before it are over, whatever was heard of them.
        for former in self.outputs.links.ids() {
            if replica_of(&former).as_ref() == Some(&replica) {
                self.end_link(&former);
            }
        }
        let marks = marks::of_replica(self.pipeline.marks(), &replica);
        self.outputs.links.open(link, trace, marks);
        if let Some(progress) = self.outputs.links.progress(link) {
            progress.came(seq);
        }
        for (cell, agents) in self.excuses.back(&replica) {
            self.excuse(&cell, agents);
        }
    }

    fn hear_input(
        &mut self,
        origin: Origin,
        cell: &CellId,
        request: Option<RequestId>,
        input: Box<Input>,
        span: Span,
    ) {
        let links = &mut self.outputs.links;
        let Some(progress) = links.progress(&origin.link) else {
            // Said before the gateway learned that the link is over.
            return;
        };
        progress.came_for(cell, origin.seq);
        links.heard(&origin.link, cell, &input);
        let is_too_much = self.cells.is_crowded(cell) && !is_reserved(&input);
        let asker = request.map_or(Asker::Nobody, |request| {
            Asker::Link(origin.link.clone(), request, span.context().clone())
        });
        let queued = Queued {
            work: Work::Input(input, asker),
            span,
            origin: Some(origin),
            _credit: None,
        };
        if self.takes(cell) && !is_too_much {
            self.cells.push(cell, queued);
        } else {
            self.refuse(cell, queued);
        }
    }

    /// Says that something was certainly not done, and why.
    pub(super) fn refuse(&mut self, cell: &CellId, mut queued: Queued) {
        if queued.span.is_recorded() {
            queued
                .span
                .fail("unavailable", "the cell is not served now");
        }
        let stage = self.cells.stage(cell);
        let unavailable = Unavailable {
            uncertain: false,
            reason: stage.and_then(Stage::reason).cloned(),
        };
        if let Some(origin) = &queued.origin
            && let Some(progress) = self.outputs.links.progress(&origin.link)
        {
            progress.refuse(cell, origin.seq);
        }
        match queued.work {
            Work::Input(_, asker) => self.outputs.answer(cell, asker, Err(unavailable)),
            // Dropping a question tells whoever asked.
            Work::Query(_) => {}
        }
    }

    /// Ends a link. Its sessions are over by no fault of their peers: frameworks have their grace to
    /// come back (rule R18), and agents are excused for as long as their gateway lives (rule R24).
    pub(super) fn end_link(&mut self, link: &LinkId) {
        self.cells.drop_of(link);
        let Some(broken) = self.outputs.links.end(link) else {
            return;
        };
        let now = Instant::now();
        for (cell, peer) in broken.sessions {
            let cause = Cause::ByUs;
            let input = match peer {
                Peer::Framework { framework, session } => Input::FrameworkDisconnected {
                    framework,
                    session,
                    cause,
                },
                Peer::Agent { agent, session } => {
                    self.excuses
                        .hide(now, &broken.replica, cell.clone(), agent.clone());
                    Input::AgentDisconnected {
                        agent,
                        session,
                        cause,
                    }
                }
            };
            self.put(&cell, input);
        }
    }

    /// Excuses the agents whose gateways live and have no link now, if it is time for that.
    pub(super) fn excuse_hidden(&mut self) {
        let network = self.network.clone();
        let is_live = |replica: &ReplicaId| {
            network
                .as_ref()
                .is_some_and(|network| network.is_live(replica))
        };
        for (cell, agents) in self.excuses.due(Instant::now(), is_live) {
            self.excuse(&cell, agents);
        }
    }

    /// Excuses agents of a cell for having been silent.
    fn excuse(&mut self, cell: &CellId, agents: Vec<AgentId>) {
        self.put(cell, Input::Excused(Excused::Agents(agents)));
    }

    /// Excuses everybody, after an outage of ours.
    pub(super) fn excuse_everyone(&mut self) {
        let cells: Vec<CellId> = self.pipeline.cells().cloned().collect();
        for cell in cells {
            self.put(&cell, Input::Excused(Excused::Everyone));
        }
    }

    /// Puts an input of the driver's own in a cell's queue. A cell that is not served needs none: a
    /// load excuses everyone and knows of no sessions.
    fn put(&mut self, cell: &CellId, input: Input) {
        if self.takes(cell) {
            let cause = self.outputs.traces.cause();
            let queued = Queued {
                span: Span::begin(process(&input), Kind::Internal, &cause),
                work: Work::Input(Box::new(input), Asker::Nobody),
                origin: None,
                _credit: None,
            };
            self.cells.push(cell, queued);
        }
    }
}
