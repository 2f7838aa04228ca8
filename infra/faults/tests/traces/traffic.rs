//! Everything that is not a task: a framework that says whatever there is to say, agents that lose
//! their connections, and a replica that nobody hears for a while.

use std::time::Duration;

use http_body_util::BodyExt;
use hyper::body::Incoming;
use insula_faults::{Http, until};
use serde_json::{Value, json};
use tokio::time::{sleep, timeout};

use crate::support::Run;

const PATH: &str = "/api/v1/scheduler";

/// How long an event may take.
const EVENT: Duration = Duration::from_secs(20);

/// The spans that tell of all this.
pub(crate) const SAID: &[&str] = &[
    "agent session",
    "framework session",
    "open link",
    "process accept",
    "process acknowledge",
    "process agent disconnected",
    "process decline",
    "process framework disconnected",
    "process heartbeat",
    "process kill",
    "process reconcile",
    "process register",
    "process request",
    "process revive",
    "process submit",
    "process subscribe",
    "process suppress",
    "process teardown",
    "process update",
    "take partition",
];

/// All of it; ends when everybody is connected again.
pub(crate) async fn of_all_kinds(run: &mut Run) {
    a_talkative_framework(run).await;
    agents_lose_their_connections(run).await;
    a_replica_is_not_heard(run).await;
}

async fn a_talkative_framework(run: &Run) {
    let http = run.aside("default").await;
    let mut first = Talker::subscribe(&http, None).await;
    let offer = first.event("OFFERS").await["offers"]["offers"][0]["id"].clone();
    first
        .say("DECLINE", "decline", json!({"offer_ids": [offer]}))
        .await;
    first.say("SUPPRESS", "suppress", json!({})).await;
    first.say("REVIVE", "revive", json!({})).await;
    let _again = first.event("OFFERS").await;
    let unknown = json!({"tasks": [{"task_id": {"value": "unknown"}}]});
    first.say("RECONCILE", "reconcile", unknown).await;
    let _lost = first.event("UPDATE").await;
    first
        .say("KILL", "kill", json!({"task_id": {"value": "unknown"}}))
        .await;
    first
        .say("REQUEST", "request", json!({"requests": []}))
        .await;
    let id = first.id.clone();
    let mut second = Talker::subscribe(&http, Some(&id)).await;
    drop(first);
    let _offered = second.event("OFFERS").await;
    second.say("TEARDOWN", "teardown", json!(null)).await;
}

/// Each comes back by itself.
async fn agents_lose_their_connections(run: &mut Run) {
    let agents = run.cluster.agents.len();
    for agent in 0..agents {
        run.cluster.agents[agent].to_control_plane.cut();
        run.cluster.agents[agent].to_control_plane.heal();
    }
    run.cluster.until_connected("default").await;
}

/// The others do without it, and it has to find out that they did.
async fn a_replica_is_not_heard(run: &mut Run) {
    let bystander = run.cluster.bystander().await;
    run.cluster.replicas[bystander].freeze();
    sleep(run.cluster.lease() * 2).await;
    run.cluster.replicas[bystander].thaw();
    run.cluster.until_ready().await;
    run.cluster.until_connected("default").await;
}

/// A framework that is told line by line what to say.
struct Talker {
    http: Http,
    id: String,
    events: Incoming,
    buffer: Vec<u8>,
}

impl Talker {
    async fn subscribe(http: &Http, id: Option<&str>) -> Self {
        let mut info =
            json!({"user": "nobody", "name": "alphamark-talker", "failover_timeout": 60.0});
        let mut call = json!({"type": "SUBSCRIBE"});
        if let Some(id) = id {
            info["id"] = json!({"value": id});
            call["framework_id"] = json!({"value": id});
        }
        call["subscribe"] = json!({"framework_info": info});
        let asking = http.clone().with("accept", "application/json".to_owned());
        let response = until("a subscription", || async {
            asking
                .open(PATH, &call)
                .await
                .filter(|response| response.status() == 200)
        })
        .await;
        let stream = response.headers()["mesos-stream-id"].to_str();
        let stream = stream.unwrap_or_default().to_owned();
        let mut talker = Self {
            http: http.clone().with("mesos-stream-id", stream),
            id: String::new(),
            events: response.into_body(),
            buffer: Vec::new(),
        };
        let subscribed = talker.event("SUBSCRIBED").await;
        let id = &subscribed["subscribed"]["framework_id"]["value"];
        talker.id = id.as_str().unwrap_or_default().to_owned();
        talker
    }

    async fn say(&self, kind: &str, key: &str, body: Value) {
        let mut call = json!({"framework_id": {"value": self.id}, "type": kind});
        if !body.is_null() {
            call[key] = body;
        }
        let status = self.http.post(PATH, &call).await.status();
        assert_eq!(status, Some(202), "{kind}");
    }

    /// The next event of a kind.
    async fn event(&mut self, kind: &str) -> Value {
        let found = timeout(EVENT, async {
            loop {
                while let Some(event) = self.buffered() {
                    if event["type"] == kind {
                        return event;
                    }
                }
                let frame = self.events.frame().await;
                let frame = frame.unwrap_or_else(|| panic!("the stream ended before {kind}"));
                let piece = frame.unwrap_or_else(|error| panic!("no {kind}: {error}"));
                self.buffer.extend(piece.into_data().unwrap_or_default());
            }
        });
        found
            .await
            .unwrap_or_else(|_| panic!("waited in vain for {kind}"))
    }

    /// An event that has come whole: its length in decimal, a line feed, and JSON.
    fn buffered(&mut self) -> Option<Value> {
        let digits = self.buffer.iter().position(|byte| *byte == b'\n')?;
        let length = std::str::from_utf8(&self.buffer[..digits]).ok()?;
        let end = digits + 1 + length.parse::<usize>().ok()?;
        let event = serde_json::from_slice(self.buffer.get(digits + 1..end)?).ok()?;
        self.buffer.drain(..end);
        Some(event)
    }
}
