//! The event stream of a subscription.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::time::Duration;

use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderName, HeaderValue};
use insula_proto::mesos::v1::scheduler::Event;
use insula_proto::recordio;
use insula_types::message::{Message, ToFramework};
use insula_types::{Epoch, SessionId};
use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at};

use super::events::{self, Events};
use super::subscription::Subscription;
use crate::gateway::mesos::headers::MediaType;
use crate::partition::Delivered;

/// Messages that are taken out of a session at once. They are encoded together and written together,
/// so a reconciliation of thousands of tasks does not cost a system call for each.
const MESSAGES_PER_TURN: usize = 64;

/// What [`headers::STREAM_ID`](crate::gateway::mesos::headers::STREAM_ID) is on HTTP/2.
const STREAM_ID: HeaderName = HeaderName::from_static("mesos-stream-id");

/// Answers a subscription with its events, from SUBSCRIBED on.
pub(super) fn response(
    subscription: Subscription,
    events: Events,
    media_type: MediaType,
    heartbeat_interval: Duration,
) -> Response {
    let id = subscription.id().clone();
    let mut heartbeat = interval_at(Instant::now() + heartbeat_interval, heartbeat_interval);
    heartbeat.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let stream = Stream {
        subscription,
        events,
        media_type,
        heartbeat,
        epoch: Epoch::default(),
        delivered: Vec::with_capacity(MESSAGES_PER_TURN),
        waiting: VecDeque::new(),
        ended: false,
    };
    let body = Body::from_stream(futures::stream::unfold(stream, Stream::next));
    streaming(&id, media_type, body)
}

/// Answers a subscription that is refused: one ERROR event and the end.
pub(super) fn refusal(id: &SessionId, media_type: MediaType, sentence: String) -> Response {
    let record = record(media_type, &events::error(sentence));
    // A stream of one, so that it is chunked: clients insist on that.
    let once = futures::stream::iter([Ok::<_, Infallible>(record)]);
    streaming(id, media_type, Body::from_stream(once))
}

fn streaming(id: &SessionId, media_type: MediaType, body: Body) -> Response {
    let mut response = Response::new(body);
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(media_type.name()));
    let id = HeaderValue::from_str(id.as_str()).expect("a uuid is a header value");
    headers.insert(STREAM_ID, id);
    response
}

fn record(media_type: MediaType, event: &Event) -> Bytes {
    let mut record = Vec::new();
    recordio::encode(&media_type.encode(event), &mut record);
    record.into()
}

enum Waiting {
    Record(Bytes),
    /// The kernel goes on with a long answer when it hears of it.
    Mark(u64),
}

struct Stream {
    subscription: Subscription,
    events: Events,
    media_type: MediaType,
    heartbeat: Interval,
    /// The highest seen; what an owner of a lower one says comes late (rule R17).
    epoch: Epoch,
    delivered: Vec<Delivered>,
    /// What is to be written, and what is to be said once all before it was; at most that of one turn.
    waiting: VecDeque<Waiting>,
    ended: bool,
}

impl Stream {
    /// The next record, which becomes a chunk of its own.
    async fn next(mut self) -> Option<(Result<Bytes, Infallible>, Self)> {
        loop {
            while let Some(waiting) = self.waiting.pop_front() {
                match waiting {
                    Waiting::Record(record) => return Some((Ok(record), self)),
                    // Whoever asks for more has taken all that was before.
                    Waiting::Mark(mark) => self.subscription.reached(mark),
                }
            }
            if self.ended {
                return None;
            }
            self.turn().await;
        }
    }

    /// Waits for messages or the next heartbeat.
    async fn turn(&mut self) {
        tokio::select! {
            count = self.subscription.next_many(&mut self.delivered, MESSAGES_PER_TURN) => {
                self.ended = count == 0;
                self.encode_delivered();
            }
            _ = self.heartbeat.tick() => {
                // Without its owner a stream says nothing more: silence tells the client to look
                // for another one.
                if self.subscription.is_confirmed().await {
                    self.push(&events::heartbeat());
                }
            }
        }
    }

    fn encode_delivered(&mut self) {
        let delivered = std::mem::take(&mut self.delivered);
        for Delivered { epoch, message } in &delivered {
            if self.ended || *epoch < self.epoch {
                continue;
            }
            self.epoch = *epoch;
            if let Message::ToFramework(message) = message {
                self.encode(message);
            }
        }
        self.delivered = delivered;
        self.delivered.clear();
    }

    fn encode(&mut self, message: &ToFramework) {
        if let Some(event) = self.events.of(message) {
            self.push(&event);
        }
        match message {
            ToFramework::Subscribed { .. } => self.push(&events::heartbeat()),
            ToFramework::Mark(mark) => self.waiting.push_back(Waiting::Mark(*mark)),
            ToFramework::Error(_) | ToFramework::Close => {
                self.ended = true;
                self.subscription.forget();
            }
            _ => {}
        }
    }

    fn push(&mut self, event: &Event) {
        let record = record(self.media_type, event);
        self.waiting.push_back(Waiting::Record(record));
    }
}
