//! Paths to owners: found, opened, ended.

use insula_types::message::{Message, Peer, ToAgent};
use insula_types::{CellId, Epoch, LinkId, PartitionId};

use super::{Gateway, GatewayLink, Path};
use crate::broker::Stream;
use crate::check::Violation;
use crate::driver::DriverId;
use crate::link::{Counts, Payload};
use crate::network::ConnectionId;
use crate::replica::ReplicaNo;
use crate::world::World;

impl World {
    pub(super) fn gateway(&mut self, no: ReplicaNo) -> Option<&mut Gateway> {
        Some(&mut self.replicas.get_mut(&no)?.gateway)
    }

    /// A gateway hears who owns a partition: from the leases, or from the owner itself.
    pub(crate) fn gateway_learns(
        &mut self,
        no: ReplicaNo,
        partition: PartitionId,
        epoch: Epoch,
        owner: ReplicaNo,
    ) -> Result<(), Violation> {
        let id = DriverId {
            replica: no,
            partition,
            epoch,
        };
        let is_loading = owner == no && self.driver(id).is_none();
        let Some(gateway) = self.gateway(no).filter(|_| !is_loading) else {
            return Ok(());
        };
        let none = Epoch(0);
        let over = gateway.over.get(&partition).copied().unwrap_or(none);
        let seen = gateway.seen.get(&partition).copied().unwrap_or(none);
        if epoch <= over || epoch < seen {
            return Ok(());
        }
        gateway.seen.insert(partition, epoch);
        gateway.owners.insert(partition, (epoch, owner));
        let path = gateway.paths.get(&partition);
        if path.is_some_and(|path| path.epoch() < epoch) {
            self.path_ends(no, partition, "there is a newer owner")?;
        }
        self.open_path_if_needed(no, partition);
        Ok(())
    }

    /// Opens a path for those who are connected already.
    pub(super) fn open_path_if_needed(&mut self, no: ReplicaNo, partition: PartitionId) {
        let gateway = self.gateway(no);
        if gateway.is_some_and(|gateway| !gateway.connections_of(partition).is_empty()) {
            self.open_path(no, partition);
        }
    }

    /// Opens a path if there is none and somebody is known to own the partition.
    pub(super) fn open_path(&mut self, no: ReplicaNo, partition: PartitionId) {
        let now = self.ctx.now;
        let Some(gateway) = self.gateway(no) else {
            return;
        };
        if gateway.paths.contains_key(&partition) {
            return;
        }
        let Some((epoch, owner)) = gateway.owners.get(&partition).copied() else {
            return;
        };
        let path = if owner == no {
            Path::Local(DriverId {
                replica: no,
                partition,
                epoch,
            })
        } else {
            gateway.links += 1;
            let link = GatewayLink {
                id: LinkId::from(format!("{}.{}", no.0, gateway.links)),
                epoch,
                counts: Counts::new(now),
            };
            Path::Link(link)
        };
        let is_link = matches!(path, Path::Link(_));
        gateway.paths.insert(partition, path);
        if is_link && !self.gateway_says(no, partition, Payload::Hello(no)) {
            if let Some(gateway) = self.gateway(no) {
                gateway.paths.remove(&partition);
            }
            return;
        }
        self.resync_agents(no, partition, None);
    }

    /// Tells agents whose session the owner does not know to register again.
    fn resync_agents(&mut self, no: ReplicaNo, partition: PartitionId, cell: Option<&CellId>) {
        let Some(gateway) = self.gateway(no) else {
            return;
        };
        let of_partition = gateway.connections_of(partition);
        let agents = of_partition.into_iter().filter_map(|connection| {
            let found = gateway.connections.get(&connection)?;
            let ours = found.must_register && cell.is_none_or(|cell| *cell == found.cell);
            let peer = found.peer.clone().filter(|_| ours)?;
            Some((connection, peer))
        });
        let agents: Vec<(ConnectionId, Peer)> = agents.collect();
        for (connection, peer) in agents {
            // What a gateway says of its own has no owner's epoch.
            let message = Message::ToAgent(ToAgent::Resync);
            self.gateway_sends(connection, Epoch(0), &peer, message);
        }
    }

    /// Writes to the owner's stream; tells whether the broker took it.
    pub(super) fn gateway_says(
        &mut self,
        no: ReplicaNo,
        partition: PartitionId,
        payload: Payload,
    ) -> bool {
        let link = self
            .replicas
            .get_mut(&no)
            .and_then(|replica| replica.gateway.link_mut(partition));
        let Some(link) = link else {
            return false;
        };
        if !matches!(payload, Payload::Beat) {
            link.counts.said += 1;
        }
        let stream = Stream::In(partition, link.epoch);
        let (id, seq) = (link.id.clone(), link.counts.said);
        let written = self.broker.write(&mut self.ctx, stream, id, seq, payload);
        written.is_ok()
    }

    /// The gateway gives a path up, and tells the owner.
    pub(crate) fn path_is_left(
        &mut self,
        no: ReplicaNo,
        partition: PartitionId,
    ) -> Result<(), Violation> {
        self.gateway_says(no, partition, Payload::Bye { over: false });
        self.path_ends(no, partition, "it is given up")
    }

    /// A path is over: framework streams of the partition close, agents register again once there is
    /// another, and whoever waits for an answer may hear from the next owner what became of it.
    pub(super) fn path_ends(
        &mut self,
        no: ReplicaNo,
        partition: PartitionId,
        why: &str,
    ) -> Result<(), Violation> {
        let Some(gateway) = self.gateway(no) else {
            return Ok(());
        };
        if gateway.paths.remove(&partition).is_none() {
            return Ok(());
        }
        self.ctx.note(
            no,
            format_args!("path to partition {} ends: {why}", partition.0),
        );
        self.cut_sessions(no, partition, None);
        self.orphan_asks(no, partition);
        Ok(())
    }

    /// A cell was loaded again by its owner: its sessions are over.
    pub(crate) fn cell_is_reset(&mut self, no: ReplicaNo, cell: &CellId) -> Result<(), Violation> {
        let Some(partition) = self.cells.get(cell).copied() else {
            return Ok(());
        };
        self.cut_sessions(no, partition, Some(cell));
        let Some(gateway) = self.gateway(no) else {
            return Ok(());
        };
        let asks = gateway.asks.values().filter(|ask| ask.cell == *cell);
        let waiting: Vec<ConnectionId> = asks.map(|ask| ask.connection).collect();
        for connection in waiting {
            self.gateway_drops(no, connection);
        }
        self.resync_agents(no, partition, Some(cell));
        Ok(())
    }

    fn cut_sessions(&mut self, no: ReplicaNo, partition: PartitionId, cell: Option<&CellId>) {
        let Some(gateway) = self.gateway(no) else {
            return;
        };
        let mut streams = Vec::new();
        for connection in gateway.connections_of(partition) {
            let Some(found) = gateway.connections.get_mut(&connection) else {
                continue;
            };
            if cell.is_some_and(|cell| *cell != found.cell) {
                continue;
            }
            match found.peer {
                Some(Peer::Framework { .. }) => streams.push(connection),
                Some(Peer::Agent { .. }) => found.must_register = true,
                None => {}
            }
        }
        for connection in streams {
            self.gateway_drops(no, connection);
        }
    }

    /// The owner in this very process is gone.
    pub(crate) fn owner_is_gone(
        &mut self,
        no: ReplicaNo,
        partition: PartitionId,
        epoch: Epoch,
    ) -> Result<(), Violation> {
        let Some(gateway) = self.gateway(no) else {
            return Ok(());
        };
        gateway.epoch_is_over(partition, epoch);
        let path = gateway.paths.get(&partition);
        if path.is_some_and(|path| path.epoch() == epoch) {
            self.path_ends(no, partition, "its owner is gone")?;
        }
        Ok(())
    }
}

impl Gateway {
    pub(super) fn epoch_is_over(&mut self, partition: PartitionId, epoch: Epoch) {
        let over = self.over.entry(partition).or_insert(epoch);
        *over = epoch.max(*over);
        if self
            .owners
            .get(&partition)
            .is_some_and(|(its, _)| *its <= epoch)
        {
            self.owners.remove(&partition);
        }
    }
}
