//! What an owner tells every replica: that it serves a partition, or has given it away.

use insula_broker::{Beats, Broker, Envelope, Stream};
use insula_telemetry::fresh;
use insula_telemetry::metrics::labels::Direction;
use insula_types::{Epoch, LinkId, PartitionId, ReplicaId};

use super::Owners;
use crate::link::wire::ToGateway;
use crate::metrics;
use crate::partition::Sessions;

/// Says it to every replica. It may be lost: the lease table, which everybody looks at, says the same a
/// moment later.
#[derive(Debug, Clone)]
pub(super) struct Announcer {
    pub(super) broker: Broker,
    pub(super) owners: Owners,
    /// Those of this process, for what is measured.
    pub(super) sessions: Sessions,
}

impl Announcer {
    pub(super) fn serving(&self, partition: PartitionId, epoch: Epoch) {
        let replica = self.owners.me().clone();
        let said = ToGateway::Serving {
            partition,
            epoch,
            replica,
        };
        self.say('s', epoch, &said);
    }

    pub(super) fn given(&self, partition: PartitionId, epoch: Epoch) {
        self.say('g', epoch, &ToGateway::Given { partition, epoch });
    }

    /// Epochs are given once, so a link of that name has one message.
    fn say(&self, what: char, epoch: Epoch, said: &ToGateway) {
        let payload = match said.encode() {
            Ok(payload) => payload,
            Err(error) => return tracing::error!(%error, "an announcement was not sent"),
        };
        let me = self.owners.me();
        let link = LinkId::from(format!("{me}.{what}{epoch}"));
        let envelope = Envelope::new(None, epoch, fresh(), payload);
        for replica in self.others() {
            let stream = Stream::Out(replica.clone());
            let sent = (Direction::Sent, metrics::to_gateway(said));
            self.sessions.measures().link_messages.one(sent);
            let mut writer = self.broker.writer(stream, link.clone(), Beats::WhenTold);
            if let Err(error) = writer.send(envelope.clone()) {
                tracing::debug!(%error, %replica, "an announcement was not sent");
            }
        }
    }

    /// Also those that do not seem to live: one that is cut off from the database alone hears by the
    /// broker who serves its agents now. What is said to the dead expires.
    fn others(&self) -> Vec<ReplicaId> {
        let membership = self.owners.membership();
        let all = membership.replicas.iter();
        all.map(|row| row.replica.clone())
            .filter(|replica| replica != self.owners.me())
            .collect()
    }
}
