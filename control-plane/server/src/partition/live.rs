//! What an owner works with in one epoch.

use std::collections::VecDeque;
use std::sync::Arc;

use insula_broker::Position;
use insula_pipeline::Pipeline;
use insula_types::membership::Membership;
use insula_types::{CellId, Epoch, LinkId};
use tokio::sync::watch;

use super::Port;
use super::cells::Cells;
use super::clock::Clock;
use super::excuses::Excuses;
use super::in_stream::InStream;
use super::lease::Lease;
use super::loader::Loader;
use super::outputs::Outputs;
use super::status::{PartitionStatus, Stage};

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
    pub(super) membership: Option<watch::Receiver<Arc<Membership>>>,
}

impl Live {
    /// Learns of a cell of the partition, which is loaded then.
    pub(super) fn admit(&mut self, port: &Port, cell: &CellId) {
        if self.cells.admit(cell) {
            port.admit(cell);
            self.loader.add(cell.clone(), None);
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

    /// How the partition is, for people.
    pub(super) fn status(&self, port: &Port) -> PartitionStatus {
        PartitionStatus {
            partition: port.partition(),
            epoch: self.epoch,
            commit_no: self.pipeline.commit_no(),
            cells: self.cells.status(),
            links: self.outputs.links.len(),
            is_full: self.pipeline.is_full(),
        }
    }
}
