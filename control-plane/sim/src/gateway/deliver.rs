//! To clients, and the end of their connections.

use insula_kernel::Input;
use insula_types::message::{Message, Peer, ToAgent, ToFramework};
use insula_types::{CellId, Epoch};

use crate::check::Violation;
use crate::network::{ConnectionId, Side};
use crate::replica::ReplicaNo;
use crate::wire::Wire;
use crate::world::World;

impl World {
    /// An owner's message for one of this gateway's sessions; one of an owner that was superseded is
    /// not believed (rule R17).
    pub(crate) fn gateway_delivers(
        &mut self,
        no: ReplicaNo,
        epoch: Epoch,
        cell: &CellId,
        peer: &Peer,
        message: Message,
    ) -> Result<(), Violation> {
        let Some(partition) = self.cells.get(cell).copied() else {
            return Ok(());
        };
        let Some(gateway) = self.gateway(no) else {
            return Ok(());
        };
        let seen = gateway.seen.get(&partition);
        if seen.is_some_and(|seen| epoch < *seen) {
            return Ok(());
        }
        let Some(connection) = gateway.sessions.get(peer).copied() else {
            return Ok(());
        };
        if let (
            Peer::Framework { framework, session },
            Message::ToFramework(ToFramework::Mark(mark)),
        ) = (peer, &message)
        {
            let input = Input::MarkReached {
                framework: framework.clone(),
                session: session.clone(),
                mark: *mark,
            };
            return self.submit(no, cell, input).map(|_| ());
        }
        let ends = match &message {
            Message::ToAgent(message) => matches!(message, ToAgent::Disconnect { .. }),
            Message::ToFramework(message) => {
                matches!(message, ToFramework::Error(_) | ToFramework::Close)
            }
        };
        self.gateway_sends(connection, epoch, peer, message);
        if ends {
            return self.gateway_hangs_up(no, connection);
        }
        Ok(())
    }

    pub(super) fn gateway_sends(
        &mut self,

        connection: ConnectionId,
        epoch: Epoch,
        peer: &Peer,
        message: Message,
    ) {
        let wire = match (peer, message) {
            (Peer::Agent { session, .. }, Message::ToAgent(message)) => Wire::ToAgent {
                epoch,
                session: session.clone(),
                message: Box::new(message),
            },
            (_, Message::ToFramework(message)) => Wire::ToFramework {
                epoch,
                message: Box::new(message),
            },
            (Peer::Framework { .. }, Message::ToAgent(_)) => return,
        };
        self.network
            .send(&mut self.ctx, connection, Side::Client, wire);
    }

    /// The gateway ends a connection, after what it has sent, and tells the owner.
    fn gateway_hangs_up(
        &mut self,
        no: ReplicaNo,
        connection: ConnectionId,
    ) -> Result<(), Violation> {
        self.network.close(&mut self.ctx, connection, Side::Replica);
        self.network.closed(connection, Side::Replica);
        self.gateway_is_cut(no, connection)
    }

    /// The gateway ends a connection whose session no owner knows any more.
    pub(super) fn gateway_drops(&mut self, no: ReplicaNo, connection: ConnectionId) {
        if let Some(gateway) = self.gateway(no) {
            gateway.forget(connection);
        }
        self.network.blame_us(self.ctx.now, connection);
        self.network.close(&mut self.ctx, connection, Side::Replica);
        self.network.closed(connection, Side::Replica);
    }
}
