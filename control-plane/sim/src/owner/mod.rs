//! An owner of the partition: the real kernel and pipeline, with a gateway in the same process.

mod drive;
mod gateway;
mod life;
mod release;

use std::collections::{BTreeMap, VecDeque};
use std::fmt;

use insula_kernel::Input;
use insula_pipeline::{Pipeline, SenderId};
use insula_types::{Epoch, FrameworkKey, RequestId, SessionId, Time};

use crate::check::quota::QuotaCheck;
use crate::network::ConnectionId;
use crate::store::TransactionId;
use crate::store::table::Table;

/// Names a control-plane process; never used again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct OwnerId(pub(crate) u32);

impl fmt::Display for OwnerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("owner-{}", self.0))
    }
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Owner {
    pub(crate) id: OwnerId,
    pub(crate) epoch: Epoch,
    pub(crate) pipeline: Pipeline,
    /// Kernel time when the rows were loaded, and when that was (rule R6).
    base: Time,
    loaded_at: Time,
    pub(crate) paused: bool,
    timer_at: Option<Time>,
    in_flight: Option<InFlight>,
    /// How many inputs were stepped, and up to which one a commit is known to have succeeded.
    steps: u64,
    fenced: u64,
    /// What waits while the pipeline is full.
    inbox: VecDeque<Input>,
    /// Numbers the inputs of the gateway.
    sender: SenderId,
    sent: u64,
    peers: Peers,
    quota: QuotaCheck,
    /// What the rows are once all that was handed to the store is committed.
    shadow: Table,
}

/// The commit that the store works on.
#[derive(Debug, Clone, Copy)]
struct InFlight {
    transaction: TransactionId,
    number: u64,
    /// How many inputs had been stepped when it was made.
    steps: u64,
}

/// Who hangs on the gateway's connections.
#[derive(Debug, Default)]
struct Peers {
    agents: BTreeMap<SessionId, ConnectionId>,
    frameworks: BTreeMap<SessionId, ConnectionId>,
    /// What a connection is good for, once its first message said so.
    sessions: BTreeMap<ConnectionId, Session>,
    questions: BTreeMap<RequestId, Question>,
    /// The latest connection that each machine was heard on.
    latest: BTreeMap<usize, ConnectionId>,
}

#[derive(Debug, Clone)]
enum Session {
    Agent(SessionId),
    Framework(FrameworkKey, SessionId),
}

/// A question without an answer yet.
#[derive(Debug, Clone, Copy)]
struct Question {
    connection: ConnectionId,
    /// The client's number for it.
    number: u64,
    /// Which input it was; unknown until it was stepped.
    step: Option<u64>,
}

impl Owner {
    /// Kernel time.
    pub(crate) fn clock(&self, now: Time) -> Time {
        self.base + now.since(self.loaded_at)
    }

    fn world_time(&self, kernel: Time) -> Time {
        self.loaded_at + kernel.since(self.base)
    }

    pub(crate) fn is_idle(&self) -> bool {
        self.pipeline.is_idle() && self.inbox.is_empty()
    }
}
