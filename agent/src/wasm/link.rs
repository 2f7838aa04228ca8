//! One connection of an executor.

use std::io;

use bytes::BytesMut;
use insula_proto::convert::wasm::trace_to_wire;
use insula_proto::insula::wasm::v1::{Call, Calls, Event, Events, event};
use insula_types::TraceContext;
use tokio::io::AsyncWriteExt as _;
use tokio::net::UnixStream;
use tokio::net::unix::OwnedWriteHalf;
use tokio::sync::mpsc;

use super::frame;

/// Events that are written as one frame: far below its limit, which a launch with a long
/// environment may need alone.
const EVENTS_BYTES: usize = 256 << 10;
/// Events taken over at a time.
const EVENTS_BATCH: usize = 512;

/// Names a connection, so that a late word of an old one is known as such.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct LinkId(pub(super) u64);

/// What comes over connections.
#[derive(Debug)]
pub(super) enum Arrival {
    /// Calls of an executor.
    Calls { link: LinkId, calls: Vec<Call> },
    /// A connection ended.
    Closed { link: LinkId },
}

/// The writing side. Dropping it ends the connection.
///
/// It has no bound of its own: what is sent are orders about launches that are not yet
/// acknowledged, and those are bounded.
#[derive(Debug, Clone)]
pub(super) struct Link(mpsc::UnboundedSender<Event>);

impl Link {
    /// Sends without waiting. If the connection has ended, its successor tells what is missing.
    pub(super) fn send(&self, event: event::Event, trace: &TraceContext) {
        let _closed = self.0.send(Event {
            event: Some(event),
            trace: trace_to_wire(trace),
        });
    }
}

/// Takes up a connection; its words go to `arrivals`.
pub(super) fn open(stream: UnixStream, link: LinkId, arrivals: mpsc::Sender<Arrival>) -> Link {
    let (mut reader, writer) = stream.into_split();
    let (sender, events) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        let reading = async {
            while let Some(Calls { calls }) = frame::read(&mut reader).await? {
                if arrivals.send(Arrival::Calls { link, calls }).await.is_err() {
                    break;
                }
            }
            io::Result::Ok(())
        };
        let ended = tokio::select! {
            ended = reading => ended,
            ended = write(writer, events) => ended,
        };
        if let Err(error) = ended {
            tracing::warn!(%error, "the connection to a wasm executor broke");
        }
        // The room is gone only when the agent stops.
        let _stopping = arrivals.send(Arrival::Closed { link }).await;
    });
    Link(sender)
}

/// Writes whatever has gathered in one go; ends when the sender is dropped.
async fn write(
    mut writer: OwnedWriteHalf,
    mut events: mpsc::UnboundedReceiver<Event>,
) -> io::Result<()> {
    let mut batch = Vec::with_capacity(EVENTS_BATCH);
    let mut bytes = BytesMut::new();
    while events.recv_many(&mut batch, EVENTS_BATCH).await > 0 {
        for frame in frames(std::mem::take(&mut batch)) {
            frame::append(&mut bytes, &frame)?;
        }
        writer.write_all(&bytes).await?;
        bytes.clear();
    }
    Ok(())
}

fn frames(events: Vec<Event>) -> Vec<Events> {
    let mut frames = Vec::new();
    let mut current = Events::default();
    let mut length = 0;
    for event in events {
        let more = prost::Message::encoded_len(&event);
        if length + more > EVENTS_BYTES && !current.events.is_empty() {
            frames.push(std::mem::take(&mut current));
            length = 0;
        }
        length += more;
        current.events.push(event);
    }
    frames.push(current);
    frames
}

/// A link whose events a test can look at.
#[cfg(test)]
pub(super) fn recorded() -> (Link, mpsc::UnboundedReceiver<Event>) {
    let (sender, events) = mpsc::unbounded_channel();
    (Link(sender), events)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use insula_proto::convert::wasm::trace_from_wire;
    use insula_proto::insula::wasm::v1;
    use prost::Message as _;

    /// A new variant has to be given a number here, and an event of it among the samples.
    fn number(event: &event::Event) -> usize {
        match event {
            event::Event::Subscribed(_) => 0,
            event::Event::Launch(_) => 1,
            event::Event::Kill(_) => 2,
            event::Event::Acknowledge(_) => 3,
            event::Event::Shutdown(_) => 4,
        }
    }

    #[test]
    fn every_event_has_its_trace() {
        let (link, mut events) = recorded();
        for number in 0..5_u64 {
            let event = match number {
                0 => event::Event::Subscribed(v1::Subscribed {}),
                1 => event::Event::Launch(v1::Launch::default()),
                2 => event::Event::Kill(v1::Kill::default()),
                3 => event::Event::Acknowledge(v1::Acknowledge::default()),
                _ => event::Event::Shutdown(v1::Shutdown {}),
            };
            link.send(event, &TraceContext::start(7, number + 1, true));
        }
        let mut sent = Vec::new();
        while let Ok(event) = events.try_recv() {
            sent.push(event);
        }
        let bytes = frames(sent).remove(0).encode_to_vec();
        let read = Events::decode(&bytes[..]).unwrap().events;
        for (index, event) in read.into_iter().enumerate() {
            let span_id = trace_from_wire(event.trace).span_id();
            let variant = number(&event.event.unwrap());
            assert_eq!((variant, span_id), (index, index as u64 + 1));
        }
    }
}
