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
use insula_telemetry::metrics::labels::FrameworkEvent;
use insula_telemetry::names::{key, span};
use insula_telemetry::{Kind, Span};
use insula_types::message::{Message, THERE, ToFramework};
use insula_types::{Epoch, SessionId, TaskStatus, TraceContext};
use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at};

use super::events::{self, Events};
use super::subscription::Subscription;
use crate::gateway::mesos::headers::MediaType;
use crate::metrics;
use crate::partition::Delivered;

/// Messages that are taken out of a session at once. They are encoded together and written together,
/// so a reconciliation of thousands of tasks does not cost a system call for each.
const MESSAGES_PER_TURN: usize = 64;

/// How long a connection is looked at before it is said to be there. Timers are driven by what also hears
/// of connections' ends, so that one which is over, whether this process has come to notice it or not, is
/// known to be by then, and its stream is dropped instead.
const LOOK: Duration = Duration::from_millis(5);

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
        offerless_since: Some(Instant::now()),
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
    /// The update before it was written.
    Written(Delivery),
}

/// An update of a recorded task on its way to the connection.
struct Delivery(Option<Span>);

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
    /// When it began, until its first offer.
    offerless_since: Option<Instant>,
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
                    Waiting::Mark(mark) => {
                        if mark == THERE {
                            tokio::time::sleep(LOOK).await;
                        }
                        self.subscription.reached(mark);
                    }
                    Waiting::Written(delivery) => delivery.done(),
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
                    self.heartbeat();
                }
            }
        }
    }

    fn encode_delivered(&mut self) {
        let delivered = std::mem::take(&mut self.delivered);
        for delivered in &delivered {
            let Delivered {
                epoch,
                trace,
                message,
            } = delivered;
            if self.ended || *epoch < self.epoch {
                continue;
            }
            self.epoch = *epoch;
            if let Message::ToFramework(message) = message {
                self.encode(message, trace);
            }
        }
        self.delivered = delivered;
        self.delivered.clear();
    }

    fn encode(&mut self, message: &ToFramework, trace: &TraceContext) {
        if let Some(event) = self.events.of(message) {
            self.push(&event);
        }
        self.measure(message);
        match message {
            ToFramework::Subscribed { .. } => self.heartbeat(),
            ToFramework::Mark(mark) => self.waiting.push_back(Waiting::Mark(*mark)),
            ToFramework::Update(status) if trace.is_sampled() => {
                let delivery = self.delivery(status, trace);
                self.waiting.push_back(Waiting::Written(delivery));
            }
            ToFramework::Error(_) | ToFramework::Close => {
                self.ended = true;
                self.subscription.forget();
            }
            _ => {}
        }
    }

    fn delivery(&self, status: &TaskStatus, trace: &TraceContext) -> Delivery {
        let framework = self.subscription.framework();
        let span = Span::begin(span::DELIVER_UPDATE, Kind::Producer, trace)
            .of(&framework.tenant)
            .with(key::MESSAGING_SYSTEM, "mesos")
            .with(key::MESSAGING_OPERATION_TYPE, "send")
            .with(key::MESSAGING_OPERATION_NAME, "UPDATE")
            .with_id(key::FRAMEWORK, &framework.framework)
            .with_id(key::SESSION, self.subscription.id())
            .with(key::TASK_STATE, status.state.as_str());
        Delivery(Some(span))
    }

    fn measure(&mut self, message: &ToFramework) {
        let measures = self.subscription.measures();
        if let Some(event) = metrics::event(message) {
            measures.events.one(event);
        }
        if matches!(message, ToFramework::Offers(_))
            && let Some(since) = self.offerless_since.take()
        {
            measures.first_offer.took((), since.elapsed());
        }
    }

    fn heartbeat(&mut self) {
        self.push(&events::heartbeat());
        let measures = self.subscription.measures();
        measures.events.one(FrameworkEvent::Heartbeat);
    }

    fn push(&mut self, event: &Event) {
        let record = record(self.media_type, event);
        self.waiting.push_back(Waiting::Record(record));
    }
}

impl Delivery {
    /// It was written.
    fn done(mut self) {
        self.0 = None;
    }
}

impl Drop for Delivery {
    fn drop(&mut self) {
        if let Some(span) = &mut self.0 {
            span.fail(
                "disconnected",
                "the framework's stream ended before it was written",
            );
        }
    }
}
