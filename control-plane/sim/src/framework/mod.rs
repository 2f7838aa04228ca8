//! Frameworks of several kinds: what each believes of its tasks, and what it does about it.

mod act;
mod habits;
mod hear;
mod offers;
mod session;

use std::collections::{BTreeMap, BTreeSet};

use insula_types::framework::FrameworkInfo;
use insula_types::message::Offer;
use insula_types::{
    AgentId, CellId, Epoch, FrameworkId, FrameworkKey, TaskId, TaskState, TenantId, Time,
    UpdateUuid,
};

use crate::check::terminal::Told;
use crate::network::ConnectionId;
use crate::rng::Rng;
use habits::Habits;

/// See the module.
#[derive(Debug)]
pub(crate) struct Framework {
    pub(crate) tenant: TenantId,
    pub(crate) cell: CellId,
    /// Its id, once it was told it.
    id: Option<FrameworkId>,
    info: FrameworkInfo,
    habits: Habits,
    stream: Stream,
    offers: Vec<Offer>,
    /// Acknowledgements that it means to send, and when.
    owed: Vec<(Time, Acknowledgement)>,
    tasks: BTreeMap<TaskId, Belief>,
    /// Accepts that were not answered yet, and their tasks.
    accepts: BTreeMap<u64, Vec<TaskId>>,
    suppressed: BTreeSet<String>,
    calls: u64,
    /// Counts its tasks, under whichever id.
    launches: u64,
    /// It was removed and does not come back.
    pub(crate) done: bool,
    /// When its latest stream ended, if that was the control plane's doing.
    pub(crate) ended_by_us: Option<Time>,
    /// The highest epoch that it subscribed in.
    epoch: Epoch,
}

/// Its event stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stream {
    Away,
    Opening(ConnectionId),
    Open(ConnectionId),
}

#[derive(Debug, Clone)]
struct Acknowledgement {
    agent: AgentId,
    task: TaskId,
    uuid: UpdateUuid,
}

/// What it believes of one of its tasks.
#[derive(Debug, Clone)]
struct Belief {
    agent: AgentId,
    /// What it was told last; nothing yet if absent.
    state: Option<TaskState>,
    /// It expects nothing more of it.
    over: bool,
    told: Told,
}

impl Framework {
    pub(crate) fn new(number: usize, tenant: TenantId, cell: CellId, rng: &mut Rng) -> Self {
        Self {
            tenant,
            cell,
            id: None,
            info: habits::draw_info(number, rng),
            habits: Habits::draw(rng),
            stream: Stream::Away,
            offers: Vec::new(),
            owed: Vec::new(),
            tasks: BTreeMap::new(),
            accepts: BTreeMap::new(),
            suppressed: BTreeSet::new(),
            calls: 0,
            launches: 0,
            done: false,
            ended_by_us: None,
            epoch: Epoch(0),
        }
    }

    pub(crate) fn kind(&self) -> &'static str {
        self.habits.kind
    }

    pub(crate) fn key(&self) -> Option<FrameworkKey> {
        Some(FrameworkKey {
            tenant: self.tenant.clone(),
            framework: self.id.clone()?,
        })
    }

    /// The connection of the stream that it opened with that owner.
    pub(crate) fn open_stream_in(&self, epoch: Epoch) -> Option<ConnectionId> {
        match self.stream {
            Stream::Open(connection) if self.epoch == epoch => Some(connection),
            _ => None,
        }
    }

    /// The connection over which it subscribes, and has not heard yet that it is.
    pub(crate) fn opening(&self) -> Option<ConnectionId> {
        match self.stream {
            Stream::Opening(connection) => Some(connection),
            Stream::Open(_) | Stream::Away => None,
        }
    }

    /// Tasks of which it still expects to hear.
    fn open_tasks(&self) -> impl Iterator<Item = (&TaskId, &Belief)> {
        self.tasks.iter().filter(|(_, belief)| !belief.over)
    }

    /// What it waits for, if it waits for anything.
    pub(crate) fn waits_for(&self) -> Option<String> {
        if self.done {
            return None;
        }
        if !matches!(self.stream, Stream::Open(_)) {
            return Some("its subscription".to_owned());
        }
        if let Some((task, belief)) = self.open_tasks().next() {
            // The outward face of a lost task is the last word that it may ever hear of it.
            let aware = self.info.capabilities.partition_aware;
            if aware || belief.state != Some(TaskState::Lost) {
                return Some(format!("news of {task}, which was {:?}", belief.state));
            }
        }
        (!self.owed.is_empty()).then(|| "its own acknowledgements".to_owned())
    }
}
