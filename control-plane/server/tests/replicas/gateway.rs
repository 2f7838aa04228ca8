//! The gateway's end of a link, as another version of a replica could have written it: what goes over
//! the wire is spelt out here once more.

use insula_broker::{Beats, Broker, Envelope, Reader, Received, Stream, Writer};
use insula_kernel::{Input, Outcome};
use insula_server::replica::Owners;
use insula_types::message::{Message, Peer};
use insula_types::{CellId, Epoch, LinkId, PartitionId, ReplicaId, RequestId, TraceContext};
use serde::{Deserialize, Serialize};

use crate::site::DEADLINE;

#[expect(clippy::large_enum_variant, reason = "one is made and sent at once")]
#[derive(Serialize)]
pub(crate) enum ToOwner {
    Hello,
    Input {
        request: Option<RequestId>,
        input: Input,
    },
}

#[derive(Debug, Deserialize)]
pub(crate) enum ToGateway {
    Welcome {
        marks: Vec<(LinkId, u64)>,
    },
    Serving {
        partition: PartitionId,
        epoch: Epoch,
        replica: ReplicaId,
    },
    Given {
        partition: PartitionId,
        epoch: Epoch,
    },
    Message {
        peer: Peer,
        message: Message,
    },
    Reply {
        request: RequestId,
        outcome: Outcome,
    },
    Unavailable {
        request: RequestId,
        uncertain: bool,
    },
    Close {
        #[expect(dead_code, reason = "no test asks whose session was closed")]
        peer: Peer,
    },
    Applied {
        seq: u64,
    },
    Reset,
}

/// Passes on what owners announce, which is the gateways' part of a replica.
pub(crate) async fn pass_on(mut announcements: Reader, owners: Owners) {
    while let Some(received) = announcements.next().await {
        let Received::Message { envelope, .. } = received else {
            continue;
        };
        match rmp_serde::from_slice(&envelope.payload).unwrap() {
            ToGateway::Serving {
                partition,
                epoch,
                replica,
            } => owners.serving(partition, epoch, &replica),
            ToGateway::Given { partition, epoch } => owners.given(partition, epoch),
            other => panic!("a replica without gateways heard {other:?}"),
        }
    }
}

/// A gateway in a replica that owns nothing.
pub(crate) struct Gateway {
    pub(crate) replica: ReplicaId,
    broker: Broker,
    heard: Reader,
}

/// One link of it.
pub(crate) struct Link {
    pub(crate) id: LinkId,
    epoch: Epoch,
    writer: Writer,
}

impl Gateway {
    pub(crate) fn new(broker: Broker, replica: ReplicaId) -> Self {
        let heard = broker.reader(Stream::Out(replica.clone()));
        Self {
            replica,
            broker,
            heard,
        }
    }

    /// Opens a link and says hello.
    pub(crate) fn open(&self, number: u64, partition: PartitionId, epoch: Epoch) -> Link {
        let id = LinkId::from(format!("{}.{number}", self.replica));
        let stream = Stream::In { partition, epoch };
        let mut link = Link {
            writer: self.broker.writer(stream, id.clone(), Beats::EverySecond),
            id,
            epoch,
        };
        link.say(None, &ToOwner::Hello);
        link
    }

    /// What comes next on a link.
    pub(crate) async fn next(&mut self, link: &Link) -> ToGateway {
        let next = async {
            loop {
                match self.heard.next().await.unwrap() {
                    Received::Message {
                        link: of, envelope, ..
                    } if of == link.id => {
                        return rmp_serde::from_slice(&envelope.payload).unwrap();
                    }
                    Received::Broken { link: of, why } if of == link.id => {
                        panic!("the link broke: {why}")
                    }
                    _ => {}
                }
            }
        };
        tokio::time::timeout(DEADLINE, next).await.unwrap()
    }

    /// What comes next, but for how far messages are applied.
    pub(crate) async fn next_said(&mut self, link: &Link) -> ToGateway {
        loop {
            match self.next(link).await {
                ToGateway::Applied { .. } => {}
                said => return said,
            }
        }
    }

    /// Waits until everything that was said on a link is applied.
    pub(crate) async fn applied(&mut self, link: &Link) {
        loop {
            if let ToGateway::Applied { seq } = self.next(link).await
                && seq >= link.writer.last()
            {
                return;
            }
        }
    }

    /// Waits until a link is broken because nothing is heard of its owner any more.
    pub(crate) async fn silence(&mut self, link: &Link) {
        let broken = async {
            loop {
                match self.heard.next().await.unwrap() {
                    Received::Broken { link: of, .. } if of == link.id => return,
                    _ => {}
                }
            }
        };
        tokio::time::timeout(DEADLINE, broken).await.unwrap();
    }
}

impl Link {
    pub(crate) fn say(&mut self, cell: Option<&CellId>, said: &ToOwner) {
        let payload = rmp_serde::to_vec_named(said).unwrap().into();
        let trace = TraceContext::start(1, 2, false);
        let envelope = Envelope::new(cell.cloned(), self.epoch, trace, payload);
        self.writer.send(envelope).unwrap();
    }

    pub(crate) fn ask(&mut self, cell: &CellId, request: u64, input: Input) {
        let request = Some(RequestId(request));
        self.say(Some(cell), &ToOwner::Input { request, input });
    }

    pub(crate) fn tell(&mut self, cell: &CellId, input: Input) {
        let request = None;
        self.say(Some(cell), &ToOwner::Input { request, input });
    }
}
