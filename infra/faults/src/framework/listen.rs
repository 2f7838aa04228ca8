//! Keeps a subscription, and reads its events.

use std::sync::Arc;
use std::time::Duration;

use http_body_util::BodyExt;
use hyper::body::Incoming;
use serde_json::Value;
use tokio::time::{sleep, timeout};

use super::Shared;
use super::acknowledge::{Queue, Unacknowledged};
use super::book::{Offer, Session};
use super::records::Records;
use crate::history::{Seen, State};

/// Pauses before the second, third, … attempt to subscribe; then always the last.
const BACKOFF: [Duration; 4] = [
    Duration::from_millis(50),
    Duration::from_millis(100),
    Duration::from_millis(200),
    Duration::from_millis(400),
];

pub(super) async fn run(shared: Arc<Shared>, queue: Queue) {
    let mut failures = 0;
    // Given up only when there is another: to close a stream is to say goodbye, and the tasks of a
    // framework without a failover timeout end with that.
    let mut former = None;
    loop {
        match subscribe(&shared).await {
            Some((stream, mut events)) => {
                drop(former.take());
                let why = read(&shared, &queue, &stream, &mut events).await;
                shared.book.close_session(why);
                former = Some(events);
                failures = 0;
            }
            None => failures += 1,
        }
        sleep(BACKOFF[failures.min(BACKOFF.len() - 1)]).await;
    }
}

/// The id of the stream, and its events.
async fn subscribe(shared: &Shared) -> Option<(String, Incoming)> {
    let wanted = &shared.wanted;
    let id = shared.book.id();
    let calls = &shared.calls;
    let subscribed = calls.subscribe(&wanted.name, id.as_deref(), wanted.failover_timeout);
    let response = subscribed.await?;
    let stream = response.headers().get("mesos-stream-id")?;
    let stream = stream.to_str().ok()?.to_owned();
    Some((stream, response.into_body()))
}

/// Reads events until the stream ends or is given up; says why.
async fn read(shared: &Shared, queue: &Queue, stream: &str, events: &mut Incoming) -> String {
    let mut records = Records::default();
    loop {
        let next = tokio::select! {
            next = timeout(shared.wanted.silence, events.frame()) => next,
            () = shared.doubt.notified() => return "a call has an unknown outcome".to_owned(),
        };
        let piece = match next {
            Err(_) => return "it is silent".to_owned(),
            Ok(None) => return "it ended".to_owned(),
            Ok(Some(Err(error))) => return error.to_string(),
            Ok(Some(Ok(frame))) => frame.into_data().unwrap_or_default(),
        };
        records.push(&piece);
        loop {
            match records.next_record() {
                Ok(None) => break,
                Err(why) => return why,
                Ok(Some(record)) => {
                    let event: Value = serde_json::from_slice(&record).unwrap_or_default();
                    if let Some(why) = heed(shared, queue, stream, &event) {
                        return why;
                    }
                }
            }
        }
    }
}

/// Acts on an event; a reason if no other will come.
fn heed(shared: &Shared, queue: &Queue, stream: &str, event: &Value) -> Option<String> {
    match event["type"].as_str().unwrap_or_default() {
        "SUBSCRIBED" => {
            shared.book.open_session(Session {
                framework: text(&event["subscribed"]["framework_id"]["value"]),
                stream: stream.to_owned(),
            });
        }
        "OFFERS" => {
            for offer in event["offers"]["offers"].as_array().into_iter().flatten() {
                shared.book.offered(Offer {
                    id: text(&offer["id"]["value"]),
                    agent: text(&offer["agent_id"]["value"]),
                    cpu_millis: cpu_millis(offer),
                });
            }
        }
        "RESCIND" => shared.book.note(Seen::Rescinded {
            offer: text(&event["rescind"]["offer_id"]["value"]),
        }),
        "UPDATE" => updated(shared, queue, &event["update"]["status"]),
        "ERROR" => return Some(text(&event["error"]["message"])),
        _ => {}
    }
    None
}

fn updated(shared: &Shared, queue: &Queue, status: &Value) {
    let task = text(&status["task_id"]["value"]);
    let state = State::named(status["state"].as_str().unwrap_or_default());
    let uuid = status["uuid"].as_str().map(ToOwned::to_owned);
    // Only what claims to be the end can be belied by a process.
    let alive = state
        .is_gone()
        .then(|| shared.starts.is_alive(&task))
        .flatten();
    shared.book.note(Seen::Updated {
        task: task.clone(),
        state,
        uuid: uuid.clone(),
        reason: text(&status["reason"]),
        message: text(&status["message"]),
        alive,
    });
    let agent = text(&status["agent_id"]["value"]);
    if let Some(uuid) = uuid {
        // The loop at the other end lives as long as this one.
        let _ = queue.send(Unacknowledged { task, agent, uuid });
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn cpu_millis(offer: &Value) -> u64 {
    let resources = offer["resources"].as_array().into_iter().flatten();
    let cpus = resources.filter(|resource| resource["name"] == "cpus");
    let cores: f64 = cpus
        .filter_map(|cpus| cpus["scalar"]["value"].as_f64())
        .sum();
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a few thousand at most"
    )]
    let millis = (cores * 1000.0).round() as u64;
    millis
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_offer_has_the_sum_of_its_cores() {
        let offer = serde_json::json!({"resources": [
            {"name": "cpus", "scalar": {"value": 1.5}},
            {"name": "mem", "scalar": {"value": 64.0}},
            {"name": "cpus", "scalar": {"value": 0.02}},
        ]});
        assert_eq!(cpu_millis(&offer), 1520);
    }
}
