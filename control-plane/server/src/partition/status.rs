//! How a partition is, for people and metrics.

use std::sync::Arc;

use insula_types::{CellId, Epoch, PartitionId};

/// What the driver of a partition says of itself, as of a moment ago.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartitionStatus {
    /// Which partition.
    pub partition: PartitionId,
    /// The number of the ownership; 0 before it was taken.
    pub epoch: Epoch,
    /// The last commit.
    pub commit_no: u64,
    /// Its cells, by id.
    pub cells: Vec<CellStatus>,
    /// Other replicas' gateways that are connected to it.
    pub links: usize,
    /// Inputs of these gateways that wait to be stepped, in all cells.
    pub from_links: usize,
    /// Whether the driver waits for a commit before it steps more.
    pub is_full: bool,
}

/// How one cell is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CellStatus {
    /// Which cell.
    pub cell: CellId,
    /// What can be expected of it.
    pub stage: Stage,
    /// Inputs and questions that wait to be stepped.
    pub queued: usize,
}

/// Whether a cell is served.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stage {
    /// Its rows are being read; with the reason why that failed before, if it did.
    Loading(Option<Arc<str>>),
    /// It is served.
    Serving,
    /// It is not served any more under this ownership, since that failed too often; with the reason.
    Quarantined(Arc<str>),
}

impl Stage {
    /// Why the cell is not served, if there is more to say than that it will be soon.
    #[must_use]
    pub fn reason(&self) -> Option<&Arc<str>> {
        match self {
            Self::Loading(reason) => reason.as_ref(),
            Self::Serving => None,
            Self::Quarantined(reason) => Some(reason),
        }
    }
}

impl PartitionStatus {
    /// Whether it was taken and has neither cells nor anybody who speaks to it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.epoch > Epoch::default() && self.cells.is_empty() && self.links == 0
    }

    /// Nothing was taken or loaded yet.
    #[must_use]
    pub fn nothing_yet(partition: PartitionId) -> Self {
        Self {
            partition,
            epoch: Epoch::default(),
            commit_no: 0,
            cells: Vec::new(),
            links: 0,
            from_links: 0,
            is_full: false,
        }
    }
}
