//! What owners say to the gateways of this replica.

use std::sync::Arc;
use std::time::Duration;

use insula_broker::{Envelope, Reader, Received};
use insula_telemetry::metrics::labels::Direction;
use insula_telemetry::{Kind, Span};
use insula_types::{FORMAT_VERSION, LinkId};
use tokio::time::Instant;

use super::links::Shared;
use super::wire::ToGateway;
use crate::metrics;
use crate::partition::{Delivered, Unavailable, hop};

/// News that are taken at once.
const BATCH_MAX: usize = 256;

/// Reads this replica's out-stream for as long as it runs.
pub(super) async fn hear(shared: Arc<Shared>, mut reader: Reader) {
    let mut news = Vec::with_capacity(BATCH_MAX);
    while reader.next_many(&mut news, BATCH_MAX).await > 0 {
        for received in news.drain(..) {
            take(&shared, &reader, received);
        }
    }
}

fn take(shared: &Shared, reader: &Reader, received: Received) {
    let now = Instant::now();
    match received {
        Received::Message {
            link,
            position,
            age,
            envelope,
            ..
        } => {
            reader.applied(position);
            heard(shared, &link, age, now);
            said(shared, &link, envelope);
        }
        Received::Beat { link, age, .. } => heard(shared, &link, age, now),
        Received::Broken { link, why } => {
            let broken = shared.with_link(&link, |conversation, orders| {
                conversation.broken(&link, now, orders);
            });
            if broken.is_some() {
                tracing::warn!(%link, %why, "a link broke; its sessions come back by themselves");
            }
        }
        Received::Lost { why } => {
            // The broker itself has said so, once for all that is read.
            tracing::debug!(why, "all links broke");
            shared.with_all(|_, conversation, orders| conversation.end(now, orders));
        }
    }
}

/// What was said long ago confirms only that time.
fn heard(shared: &Shared, link: &LinkId, age: Duration, now: Instant) {
    shared.with_link(link, |conversation, _| {
        conversation.heard(link, now.checked_sub(age));
    });
}

fn said(shared: &Shared, link: &LinkId, envelope: Envelope) {
    let read = match envelope.version {
        0..=FORMAT_VERSION => {
            ToGateway::decode(&envelope.payload).map_err(|error| error.to_string())
        }
        newer => Err(format!("version {newer} of a message is not known here")),
    };
    match read {
        Ok(said) => {
            let heard = (Direction::Received, metrics::to_gateway(&said));
            shared.sessions.measures().link_messages.one(heard);
            understood(shared, link, envelope, said);
        }
        Err(why) => {
            tracing::error!(%link, why, "a link is given up");
            shared.with_link(link, |conversation, orders| {
                conversation.broken(link, Instant::now(), orders);
            });
        }
    }
}

fn understood(shared: &Shared, link: &LinkId, envelope: Envelope, said: ToGateway) {
    match said {
        ToGateway::Serving {
            partition,
            epoch,
            replica,
        } => {
            shared.owners.serving(partition, epoch, &replica);
            let now = Instant::now();
            shared.with(partition, |conversation, orders| {
                conversation.saw(epoch, now, orders)
            });
        }
        ToGateway::Given { partition, epoch } => {
            shared.owners.given(partition, epoch);
            let now = Instant::now();
            shared.with(partition, |conversation, orders| {
                conversation.given(epoch, now, orders)
            });
        }
        ToGateway::Message { peer, message } => {
            // Under the lock, so that nothing of a link comes after its end.
            shared.with_link(link, |_, _| {
                if let Some(cell) = &envelope.cell {
                    // Ends when the message waits in its session.
                    let _forwarding =
                        Span::begin(hop(&message).forward, Kind::Consumer, &envelope.trace);
                    let delivered = Delivered {
                        epoch: envelope.epoch,
                        trace: envelope.trace,
                        message,
                    };
                    // A peer that has left meanwhile needs it no more.
                    shared.sessions.deliver(cell, &peer, delivered);
                }
            });
        }
        ToGateway::Close { peer } => {
            shared.with_link(link, |_, _| {
                if let Some(cell) = &envelope.cell {
                    shared.sessions.close(cell, &peer);
                }
            });
        }
        of_link => about_link(shared, link, of_link),
    }
}

/// What concerns the link itself and its asks.
fn about_link(shared: &Shared, link: &LinkId, said: ToGateway) {
    shared.with_link(link, |conversation, orders| match said {
        ToGateway::Welcome { marks } => {
            let marks = marks.into_iter().collect();
            conversation.welcomed(link, &marks, orders);
        }
        ToGateway::Reply { request, outcome } => {
            conversation.replied(link, request, Ok(outcome), orders);
        }
        ToGateway::Unavailable {
            request,
            uncertain,
            reason,
        } => {
            let unavailable = Unavailable {
                uncertain,
                reason: reason.map(Into::into),
            };
            conversation.replied(link, request, Err(unavailable), orders);
        }
        ToGateway::Applied { seq } => conversation.applied(link, seq),
        ToGateway::Reset => conversation.broken(link, Instant::now(), orders),
        ToGateway::Serving { .. }
        | ToGateway::Given { .. }
        | ToGateway::Message { .. }
        | ToGateway::Close { .. } => debug_assert!(false, "they concern no link"),
    });
}
