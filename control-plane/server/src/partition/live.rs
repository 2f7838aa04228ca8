//! What an owner works with in one epoch.

use std::collections::VecDeque;
use std::sync::Arc;

use insula_broker::Position;
use insula_pipeline::Pipeline;
use insula_types::{CellId, Epoch, LinkId, ReplicaId};

use super::cells::Cells;
use super::clock::Clock;
use super::excuses::Excuses;
use super::in_stream::InStream;
use super::lease::Lease;
use super::loader::Loader;
use super::outputs::Outputs;
use super::status::{PartitionStatus, Stage};
use super::{Network, Port};
use crate::metrics::Progress;

/// Everything of one epoch: dropped as a whole when that is over.
pub(super) struct Live {
    pub(super) epoch: Epoch,
    pub(super) clock: Clock,
    pub(super) pipeline: Pipeline,
    pub(super) cells: Cells,
    pub(super) loader: Loader,
    pub(super) outputs: Outputs,
    pub(super) excuses: Excuses,
    pub(super) lease: Option<Arc<Lease>>,
    pub(super) in_stream: Option<InStream>,
    /// Messages of the in-stream that are not trimmed yet, in their order.
    pub(super) untrimmed: VecDeque<(Position, LinkId, u64)>,
    pub(super) network: Option<Network>,
    pub(super) progress: Progress,
    /// Told to stop: what comes in is refused.
    pub(super) is_closing: bool,
}

impl Live {
    /// Learns of a cell of the partition, which is loaded then.
    pub(super) fn admit(&mut self, port: &Port, cell: &CellId) {
        if self.cells.admit(cell) {
            port.admit(cell);
            self.loader.add(cell.clone(), None);
        }
    }

    /// A replica speaks. If it is not known yet, it has just come: somebody should look, since
    /// requests are forwarded to where it says that it is.
    pub(super) fn meet(&self, replica: &ReplicaId) {
        if let Some(network) = &self.network
            && !network.is_live(replica)
        {
            network.nudge.notify_one();
        }
    }

    /// Whether what comes in for a cell is stepped.
    pub(super) fn takes(&self, cell: &CellId) -> bool {
        !self.is_closing && self.cells.stage(cell) == Some(&Stage::Serving)
    }

    /// Takes no more inputs. Whoever waits for what was not stepped yet is told that it will not be,
    /// so that it is tried again with the next owner (rule R16).
    pub(super) fn close(&mut self) {
        self.is_closing = true;
        let cells: Vec<CellId> = self.cells.ids().cloned().collect();
        for cell in &cells {
            for queued in self.cells.empty(cell) {
                self.refuse(cell, queued);
            }
        }
        self.refuse_heard();
    }

    /// Refuses what has come by links since.
    pub(super) fn refuse_heard(&mut self) {
        while let Some(from_link) = self.in_stream.as_mut().and_then(InStream::try_next) {
            self.hear(from_link);
        }
    }

    /// Whether everything that is said on the lease alone may be said now; never without a lease,
    /// where nothing needs to be.
    pub(super) fn lease_holds(&self) -> bool {
        self.lease.as_ref().is_some_and(|lease| lease.holds())
    }

    /// Lets out what may leave.
    pub(super) fn release(&mut self) {
        let lease_holds = self.lease_holds();
        while let Some(released) = self.pipeline.poll_release(lease_holds) {
            self.outputs.release(self.epoch, released);
        }
    }

    /// Forgets what of the in-stream is applied.
    pub(super) fn trim(&mut self) {
        let links = &self.outputs.links;
        let is_done = |(_, link, seq): &mut (Position, LinkId, u64)| {
            links.applied(link).is_none_or(|applied| *seq <= applied)
        };
        let mut last = None;
        while let Some((position, _, _)) = self.untrimmed.pop_front_if(is_done) {
            last = Some(position);
        }
        if let (Some(in_stream), Some(position)) = (&self.in_stream, last) {
            in_stream.trim(position);
        }
    }

    /// Whether every cell that is known was tried to load once.
    pub(super) fn is_tried(&self) -> bool {
        let status = self.cells.status();
        !status.iter().any(|cell| cell.stage == Stage::Loading(None))
    }

    /// Hands over what the kernels have counted; they are dropped next.
    pub(super) fn leave(&self) {
        for cell in self.pipeline.cells() {
            if let Some(kernel) = self.pipeline.kernel(cell) {
                let counters = kernel.figures().counters;
                let left = &self.outputs.measures().left;
                left.leaves(cell.clone(), kernel.epoch(), counters);
            }
        }
    }

    /// How the partition is, for people.
    pub(super) fn status(&self, port: &Port) -> PartitionStatus {
        PartitionStatus {
            partition: port.partition(),
            epoch: self.epoch,
            commit_no: self.pipeline.commit_no(),
            cells: self.cells.status(),
            links: self.outputs.links.len(),
            from_links: self.cells.waiting_from_links(),
            is_full: self.pipeline.is_full(),
        }
    }
}
