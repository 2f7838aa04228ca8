//! What other replicas' gateways say to the owner of a partition, read beside the driver.

use insula_broker::{Broker, Health, Position, Reader, Received, Stream};
use insula_kernel::Input;
use insula_types::{CellId, Epoch, LinkId, PartitionId, RequestId, TraceContext};
use tokio::runtime::Handle;
use tokio::sync::{mpsc, watch};
use tokio_util::task::AbortOnDropHandle;

use crate::link::wire::ToOwner;

/// Messages that are read ahead of the driver: enough for it never to wait for the next.
const AHEAD_MAX: usize = 1_024;

/// What came in.
#[derive(Debug)]
pub(super) enum FromLink {
    /// A gateway speaks.
    Said {
        link: LinkId,
        seq: u64,
        position: Position,
        trace: TraceContext,
        said: Said,
    },
    /// A link is over.
    Broken { link: LinkId, why: String },
    /// Every link is over.
    Lost { why: String },
}

/// What a gateway says.
#[derive(Debug)]
pub(super) enum Said {
    Hello,
    Input(CellId, Option<RequestId>, Box<Input>),
    Bye,
}

/// The in-stream of one epoch. It is removed with this: nobody reads it any more (rule R14).
#[derive(Debug)]
pub(super) struct InStream {
    broker: Broker,
    stream: Stream,
    io: Handle,
    received: mpsc::Receiver<FromLink>,
    applied: watch::Sender<Option<Position>>,
    _pump: AbortOnDropHandle<()>,
}

impl InStream {
    /// Begins to read.
    pub(super) fn open(broker: &Broker, partition: PartitionId, epoch: Epoch, io: &Handle) -> Self {
        let stream = Stream::In { partition, epoch };
        let (sender, received) = mpsc::channel(AHEAD_MAX);
        let (applied, positions) = watch::channel(None);
        let reader = broker.reader(stream.clone());
        let pump = io.spawn(pump(reader, sender, positions));
        Self {
            broker: broker.clone(),
            stream,
            io: io.clone(),
            received,
            applied,
            _pump: AbortOnDropHandle::new(pump),
        }
    }

    /// Up to `most` at once; waits for the first. Cancel-safe.
    pub(super) async fn next_many(&mut self, into: &mut Vec<FromLink>, most: usize) -> usize {
        self.received.recv_many(into, most).await
    }

    /// Whether the broker is away, so that nobody who speaks to another gateway is heard.
    pub(super) fn is_deaf(&self) -> bool {
        *self.broker.health().borrow() != Health::Up
    }

    /// What has come already, if anything has.
    pub(super) fn try_next(&mut self) -> Option<FromLink> {
        self.received.try_recv().ok()
    }

    /// What came in up to there is applied and need not be kept.
    pub(super) fn trim(&self, position: Position) {
        self.applied.send_replace(Some(position));
    }
}

impl Drop for InStream {
    fn drop(&mut self) {
        let (broker, stream) = (self.broker.clone(), self.stream.clone());
        self.io.spawn(async move { broker.remove(&stream).await });
    }
}

async fn pump(
    mut reader: Reader,
    sender: mpsc::Sender<FromLink>,
    mut applied: watch::Receiver<Option<Position>>,
) {
    loop {
        tokio::select! {
            received = reader.next() => {
                let Some(received) = received else {
                    return;
                };
                if let Some(from_link) = read(received)
                    && sender.send(from_link).await.is_err()
                {
                    return;
                }
            }
            Ok(()) = applied.changed() => {
                if let Some(position) = *applied.borrow_and_update() {
                    reader.applied(position);
                }
            }
        }
    }
}

fn read(received: Received) -> Option<FromLink> {
    match received {
        Received::Message {
            link,
            seq,
            position,
            envelope,
            ..
        } => {
            let why = match ToOwner::decode(&envelope.payload) {
                Ok(said) => match meant(envelope.cell, said) {
                    Some(said) => {
                        return Some(FromLink::Said {
                            link,
                            seq,
                            position,
                            trace: envelope.trace,
                            said,
                        });
                    }
                    None => "an input names no cell".to_owned(),
                },
                Err(error) => error.to_string(),
            };
            Some(FromLink::Broken { link, why })
        }
        Received::Beat { .. } => None,
        Received::Broken { link, why } => Some(FromLink::Broken {
            link,
            why: why.to_string(),
        }),
        Received::Lost { why } => Some(FromLink::Lost { why }),
    }
}

fn meant(cell: Option<CellId>, said: ToOwner) -> Option<Said> {
    Some(match said {
        ToOwner::Hello => Said::Hello,
        ToOwner::Input { request, input } => Said::Input(cell?, request, Box::new(input)),
        ToOwner::Bye => Said::Bye,
    })
}
