//! What will happen, and when.

use std::collections::BTreeMap;

use insula_types::{LaunchId, Time};

use crate::network::{Client, ConnectionId, Side};
use crate::owner::OwnerId;
use crate::store::{Answer, TransactionId};
use crate::wire::Wire;
use crate::world::Party;

/// Something that happens by itself when its time has come.
#[derive(Debug)]
pub(crate) enum Event {
    /// A message reaches an end of its connection.
    Arrive {
        connection: ConnectionId,
        side: Side,
        wire: Wire,
    },
    /// An end of a connection learns that it is over.
    Closed {
        connection: ConnectionId,
        side: Side,
    },
    /// A client dials.
    Dial(Client),
    /// A replica tries to take the partition.
    OwnerStarts,
    /// A kernel's timer may be due.
    OwnerTimer(OwnerId),
    /// An owner finds its lease lost.
    OwnerStepsDown(OwnerId),
    /// A transaction comes to its last statement, the fence.
    Fence(TransactionId),
    /// A transaction commits.
    Commit(TransactionId),
    /// An owner hears what became of its transaction.
    Committed(OwnerId, TransactionId, Answer),
    /// An agent's process starts.
    AgentStarts { machine: usize, life: u64 },
    /// An agent's process dies.
    AgentCrashes { machine: usize, life: u64 },
    /// An agent core's timer may be due.
    AgentTimer { machine: usize, life: u64 },
    /// A sync of an agent's journal ends.
    Synced { machine: usize, life: u64 },
    /// A process that was asked for starts.
    ProcessStarts {
        machine: usize,
        boot: u64,
        launch: LaunchId,
    },
    /// A process ends, unless it was made to end earlier.
    ProcessEnds {
        machine: usize,
        boot: u64,
        launch: LaunchId,
    },
    /// A framework thinks of what to do next.
    FrameworkActs(usize),
    /// A person thinks of what to submit or withdraw next.
    SubmitterActs(usize),
    /// A paused process goes on.
    Resume(Party),
    /// Something goes wrong.
    Fault,
}

/// Events by time; those of one time in the order in which they were put in.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    events: BTreeMap<(Time, u64), Event>,
    count: u64,
}

impl Queue {
    pub(crate) fn push(&mut self, at: Time, event: Event) {
        self.count += 1;
        self.events.insert((at, self.count), event);
    }

    pub(crate) fn pop(&mut self) -> Option<(Time, Event)> {
        let ((at, _), event) = self.events.pop_first()?;
        Some((at, event))
    }
}
