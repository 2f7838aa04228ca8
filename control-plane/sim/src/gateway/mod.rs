//! A replica's gateway: clients' connections on one side, the owners of their cells on the other.

mod ask;
mod deliver;
mod hear;
mod path;
mod talk;

use std::collections::BTreeMap;

use insula_kernel::Input;
use insula_types::message::Peer;
use insula_types::{CellId, Epoch, LinkId, PartitionId, RequestId, Time};

use crate::driver::DriverId;
use crate::link::Counts;
use crate::network::{Client, ConnectionId};
use crate::replica::ReplicaNo;

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Gateway {
    connections: BTreeMap<ConnectionId, Connection>,
    sessions: BTreeMap<Peer, ConnectionId>,
    /// The latest connection that each machine was heard on.
    latest: BTreeMap<usize, ConnectionId>,
    paths: BTreeMap<PartitionId, Path>,
    /// Who owns what, as far as it knows.
    owners: BTreeMap<PartitionId, (Epoch, ReplicaNo)>,
    /// The highest epoch that it has seen: what is said in a lower one is dropped.
    seen: BTreeMap<PartitionId, Epoch>,
    /// The highest epoch that is known to be over.
    over: BTreeMap<PartitionId, Epoch>,
    asks: BTreeMap<RequestId, Ask>,
    links: u32,
}

#[derive(Debug)]
struct Connection {
    client: Client,
    cell: CellId,
    partition: PartitionId,
    /// What it is good for, once its first message said so.
    peer: Option<Peer>,
    /// An agent that has to register again, since the owner knows nothing of its session; what else
    /// it says means nothing to anybody.
    must_register: bool,
}

/// The way to a partition's owner.
#[derive(Debug)]
enum Path {
    Local(DriverId),
    Link(GatewayLink),
}

/// The gateway's end of a link.
#[derive(Debug)]
struct GatewayLink {
    id: LinkId,
    epoch: Epoch,
    counts: Counts,
}

/// A question of a client without an answer yet.
#[derive(Debug)]
struct Ask {
    connection: ConnectionId,
    cell: CellId,
    /// The client's number for it.
    number: u64,
    via: Via,
    /// What a person asked, to ask it again if it was certainly not applied.
    input: Option<Box<Input>>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Via {
    Unsent,
    Local,
    Link(LinkId, u64),
    /// The link is over; the next owner may tell until then whether it was applied.
    Orphan(LinkId, u64, Time),
}

impl Path {
    fn epoch(&self) -> Epoch {
        match self {
            Self::Local(id) => id.epoch,
            Self::Link(link) => link.epoch,
        }
    }
}

impl Gateway {
    /// The partitions to which it has a path.
    pub(crate) fn partitions(&self) -> impl Iterator<Item = PartitionId> {
        self.paths.keys().copied()
    }

    /// The open link to the owner of a partition.
    fn link_mut(&mut self, partition: PartitionId) -> Option<&mut GatewayLink> {
        match self.paths.get_mut(&partition)? {
            Path::Local(_) => None,
            Path::Link(link) => Some(link),
        }
    }

    fn connections_of(&self, partition: PartitionId) -> Vec<ConnectionId> {
        let ours = |(_, found): &(&ConnectionId, &Connection)| found.partition == partition;
        let connections = self.connections.iter().filter(ours);
        connections.map(|(connection, _)| *connection).collect()
    }

    fn forget(&mut self, connection: ConnectionId) -> Option<Connection> {
        let found = self.connections.remove(&connection)?;
        if let Some(peer) = &found.peer
            && self.sessions.get(peer) == Some(&connection)
        {
            self.sessions.remove(peer);
        }
        self.asks.retain(|_, ask| ask.connection != connection);
        Some(found)
    }
}
