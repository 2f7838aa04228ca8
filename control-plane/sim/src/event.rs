//! What will happen, and when.

use std::collections::BTreeMap;

use insula_types::membership::{Beat, Membership};
use insula_types::{Epoch, LaunchId, PartitionId, Time};

use crate::broker::{Post, Stream};
use crate::driver::DriverId;
use crate::network::{Client, ConnectionId, Side};
use crate::replica::ReplicaNo;
use crate::store::{Answer, Taken, TransactionId};
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
    /// A control-plane process starts.
    ReplicaStarts,
    /// A keeper sends its beat.
    KeeperBeats(ReplicaNo),
    /// A beat arrives at the database; it was sent then by its sender's clock.
    BeatArrives(ReplicaNo, Time, Box<Beat>),
    /// A keeper hears what its beat found; it had asked to renew these leases.
    BeatAnswered(ReplicaNo, Time, Vec<(PartitionId, Epoch)>, Box<Membership>),
    /// A claim arrives at the database; it was sent then.
    TakeArrives(ReplicaNo, Time, PartitionId),
    /// A replica hears what became of its claim.
    Taken(ReplicaNo, Time, PartitionId, Option<Box<Taken>>),
    /// The end of a lease arrives at the database.
    GiveArrives(DriverId),
    /// A replica says on all its links that it lives.
    LinksBeat(ReplicaNo),
    /// A message arrives in its stream.
    Posted(Stream, Post),
    /// A replica finds that the broker was away or lost what it held.
    BrokerLost(ReplicaNo),
    /// A kernel's timer may be due.
    DriverTimer(DriverId),
    /// A transaction comes to its last statement, the fence.
    Fence(TransactionId),
    /// A transaction commits.
    Commit(TransactionId),
    /// A driver hears what became of its transaction.
    Committed(DriverId, TransactionId, Answer),
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
