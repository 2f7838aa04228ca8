//! Sites to run stories on, and short forms of what stories do.

mod server;
mod site;

use std::time::Duration;

use bytes::Bytes;
use insula_broker::{Envelope, Options, Position, Reader, Received, Stream, Writer};
use insula_types::{Epoch, LinkId, PartitionId, TraceContext};
use tokio::time::timeout;

pub(crate) use server::RedisServer;
pub(crate) use site::{Harm, Site, sites};

/// What happens, happens within this time, however slow the machine.
pub(crate) const DEADLINE: Duration = Duration::from_secs(30);

/// Quick beats, and a silence that a busy machine does not reach by chance.
pub(crate) fn options() -> Options {
    Options {
        prefix: format!("insula-test-{}", uuid::Uuid::new_v4()),
        beat: Duration::from_millis(50),
        silence: Duration::from_mins(1),
        ..Options::default()
    }
}

pub(crate) fn stream() -> Stream {
    Stream::In {
        partition: PartitionId(5),
        epoch: Epoch(0x19a),
    }
}

pub(crate) fn link(number: u32) -> LinkId {
    format!("replica.{number}").into()
}

pub(crate) fn envelope(payload: impl Into<Bytes>) -> Envelope {
    let cell = Some("cell".into());
    Envelope::new(
        cell,
        Epoch(0x19a),
        TraceContext::start(1, 2, false),
        payload.into(),
    )
}

/// Sends a text; gives its number.
pub(crate) fn say(writer: &mut Writer, text: impl Into<String>) -> u64 {
    writer.send(envelope(text.into())).unwrap()
}

/// A message as stories compare it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Heard {
    pub(crate) link: LinkId,
    pub(crate) seq: u64,
    pub(crate) text: String,
    pub(crate) position: Position,
}

/// The next news that is no beat.
pub(crate) async fn news(reader: &mut Reader) -> Received {
    loop {
        let received = timeout(DEADLINE, reader.next()).await.unwrap().unwrap();
        if !matches!(received, Received::Beat { .. }) {
            return received;
        }
    }
}

/// The next news, which must be a message.
pub(crate) async fn message(reader: &mut Reader) -> Heard {
    match news(reader).await {
        Received::Message {
            link,
            seq,
            position,
            envelope,
            ..
        } => Heard {
            link,
            seq,
            text: String::from_utf8(envelope.payload.to_vec()).unwrap(),
            position,
        },
        other => panic!("a message was expected, and {other:?} came"),
    }
}

/// Waits for a beat of a link that says this number.
pub(crate) async fn beat_of(reader: &mut Reader, of: &LinkId, number: u64) {
    loop {
        let received = timeout(DEADLINE, reader.next()).await.unwrap().unwrap();
        match received {
            Received::Beat { link, last, .. } if link == *of && last == number => return,
            Received::Beat { .. } => {}
            other => panic!("a beat was expected, and {other:?} came"),
        }
    }
}

/// Waits until something is so.
pub(crate) async fn until(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    let waiting = async {
        while !is_so().await {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    assert!(timeout(DEADLINE, waiting).await.is_ok(), "{what}");
}
