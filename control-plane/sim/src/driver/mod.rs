//! The owner of a partition in one epoch: the real kernels of its cells behind the real pipeline.

mod cells;
mod drive;
mod life;
mod links;
mod release;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt;

use insula_kernel::Input;
use insula_pipeline::lease::Tenure;
use insula_pipeline::{Mark, Pipeline, Removed, SenderId};
use insula_types::message::Peer;
use insula_types::{AgentId, CellId, Epoch, LinkId, PartitionId, RequestId, Time};

use crate::check::quota::QuotaCheck;
use crate::link::Counts;
use crate::replica::ReplicaNo;
use crate::store::TransactionId;
use crate::store::table::Table;

/// Names a driver; never used again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct DriverId {
    pub(crate) replica: ReplicaNo,
    pub(crate) partition: PartitionId,
    pub(crate) epoch: Epoch,
}

impl fmt::Display for DriverId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("owner-{}/{}", self.replica.0, self.partition.0))
    }
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Driver {
    pub(crate) id: DriverId,
    pub(crate) pipeline: Pipeline,
    pub(crate) tenure: Tenure,
    /// It takes no more inputs, and ends when everything is committed.
    pub(crate) giving: bool,
    /// Kernel time when the rows were loaded, and when that was (rule R6).
    base: Time,
    loaded_at: Time,
    timer_at: Option<Time>,
    in_flight: Option<InFlight>,
    /// How many inputs were stepped, and up to which one a commit is known to have succeeded.
    steps: u64,
    fenced: u64,
    /// What waits while the pipeline is full.
    inbox: VecDeque<Incoming>,
    /// Numbers some inputs of this process' own gateway, as if they came over a link.
    sender: SenderId,
    sent: u64,
    /// Where each session is.
    routes: BTreeMap<Peer, (CellId, Route)>,
    questions: BTreeMap<RequestId, Question>,
    links: BTreeMap<LinkId, OwnerLink>,
    /// Agents of gateways whose link is over: they cannot be heard until there is another.
    hidden: BTreeMap<ReplicaNo, BTreeSet<(CellId, AgentId)>>,
    /// The last message of each link that is over, as far as it may have been applied: what was
    /// loaded, and what this owner has heard. By these gateways learn what became of their questions.
    former: BTreeMap<LinkId, Mark>,
    cells: BTreeMap<CellId, Cell>,
    /// Cells that were taken out of the pipeline and are to be loaded again.
    removed: Vec<Removed>,
    /// Cells of a refused commit that are still to be committed in parts.
    divided: BTreeSet<CellId>,
    /// Set while the store refuses what this cell says.
    bad: Option<CellId>,
}

/// What is known of a cell beside its kernel.
#[derive(Debug)]
struct Cell {
    quota: QuotaCheck,
    /// What the rows are once all that was handed to the store is committed.
    shadow: Table,
}

/// An input on its way to a kernel.
#[derive(Debug, Clone)]
pub(crate) struct Incoming {
    pub(crate) cell: CellId,
    /// The link and number that it came with; none from this process' own gateway.
    pub(crate) sender: Option<(LinkId, u64)>,
    pub(crate) input: Input,
}

/// The commit that the store works on.
#[derive(Debug, Clone, Copy)]
struct InFlight {
    transaction: TransactionId,
    number: u64,
    /// How many inputs had been stepped when it was made.
    steps: u64,
    began: Time,
}

/// The way to a gateway.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Route {
    Local,
    Link(LinkId),
}

/// The owner's end of a link.
#[derive(Debug)]
struct OwnerLink {
    gateway: ReplicaNo,
    counts: Counts,
}

/// A question without an answer yet.
#[derive(Debug, Clone)]
struct Question {
    route: Route,
    /// Which input it was; unknown until it was stepped.
    step: Option<u64>,
}

impl Driver {
    /// Kernel time.
    pub(crate) fn clock(&self, now: Time) -> Time {
        self.base + now.since(self.loaded_at)
    }

    fn world_time(&self, kernel: Time) -> Time {
        self.loaded_at + kernel.since(self.base)
    }

    /// Whether something that came in was not stepped yet. Heartbeats alone keep a pipeline busy.
    pub(crate) fn is_behind(&self) -> bool {
        !self.inbox.is_empty() || !self.removed.is_empty()
    }

    pub(crate) fn is_idle(&self) -> bool {
        self.pipeline.is_idle() && self.inbox.is_empty() && self.removed.is_empty()
    }
}

impl Incoming {
    pub(crate) fn local(cell: CellId, input: Input) -> Self {
        Self {
            cell,
            sender: None,
            input,
        }
    }
}
