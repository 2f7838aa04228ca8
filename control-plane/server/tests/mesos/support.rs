//! A cell without a port: a driver over a store in memory, the router, and an agent that the test
//! plays itself.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use http::{HeaderMap, Request, StatusCode};
use http_body_util::BodyExt;
use insula_kernel::Input;
use insula_proto::recordio::Decoder;
use insula_server::front::{Connection, Security};
use insula_server::gateway::mesos::{HEARTBEAT_INTERVAL, Master, MesosState, router};
use insula_server::partition::{Driver, Options, Session};
use insula_store::{Retention, Store};
use insula_types::agent::{AgentCapabilities, AgentInfo};
use insula_types::message::{FromAgent, Message, Peer, Registration, ToAgent, Watermark};
use insula_types::{AgentId, CellId, PartitionId, SessionId, Time};
use serde_json::{Value, json};
use tower::ServiceExt;

/// How long a test waits for what must happen; it happens within milliseconds.
const DEADLINE: Duration = Duration::from_secs(30);

/// Waits for what must happen.
pub async fn soon<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(DEADLINE, future).await.expect("it happens before the deadline")
}

pub struct Cell {
    pub driver: Driver,
    pub store: Store,
    pub router: Router,
}

impl Cell {
    pub async fn start() -> Self {
        Self::with_heartbeat(HEARTBEAT_INTERVAL).await
    }

    pub async fn with_heartbeat(interval: Duration) -> Self {
        Self::over(Store::in_memory().await.unwrap(), interval).await
    }

    /// Starts on what an earlier cell left in the store.
    pub async fn over(store: Store, heartbeat_interval: Duration) -> Self {
        let cell = CellId::from("default");
        let options = Options {
            partition: PartitionId(0),
            cell: cell.clone(),
            kernel: insula_kernel::Config::default(),
            retention: Retention::default(),
        };
        let driver = Driver::start(store.clone(), options).await.unwrap();
        let master = Master {
            id: "9ee4c3ea-3a53-4bb8-9b6a-6d3a1fd2d2a1".to_owned(),
            hostname: "localhost".to_owned(),
            ip: Ipv4Addr::LOCALHOST.into(),
            port: 5050,
            started_at: Time(1_795_328_031_363_660),
        };
        let router = router(MesosState {
            handle: driver.handle().clone(),
            store: store.clone(),
            cell,
            master: Arc::new(master),
            heartbeat_interval,
        });
        Self { driver, store, router }
    }

    /// Sends a request as from a plain loopback connection.
    pub async fn send(&self, mut request: Request<Body>) -> Response {
        request.extensions_mut().insert(Connection {
            remote: ([127, 0, 0, 1], 1).into(),
            security: Security::Plain,
        });
        soon(self.router.clone().oneshot(request)).await.unwrap()
    }

    pub async fn get(&self, path: &str) -> Answer {
        let request = Request::get(path).body(Body::empty()).unwrap();
        Answer::of(self.send(request).await).await
    }

    /// Posts a call with these headers, `Name: value` each.
    pub async fn post(&self, headers: &[&str], body: impl Into<Body>) -> Response {
        let mut request = Request::post("/api/v1/scheduler");
        for header in headers {
            let (name, value) = header.split_once(": ").unwrap();
            request = request.header(name, value);
        }
        self.send(request.body(body.into()).unwrap()).await
    }

    /// Subscribes and reads SUBSCRIBED and the first HEARTBEAT.
    pub async fn subscribe(&self, info: Value) -> Subscribed<'_> {
        let mut call = json!({"type": "SUBSCRIBE", "subscribe": {"framework_info": info}});
        if let Some(id) = call["subscribe"]["framework_info"].get("id").cloned() {
            call["framework_id"] = id;
        }
        let response = self.post(&[JSON], call.to_string()).await;
        let stream_id = header(response.headers(), "mesos-stream-id");
        let mut events = Events::of(response);
        let subscribed = events.next().await;
        assert_eq!(subscribed["type"], "SUBSCRIBED", "{subscribed}");
        assert_eq!(events.next().await, json!({"type": "HEARTBEAT"}));
        let id = &subscribed["subscribed"]["framework_id"]["value"];
        Subscribed {
            cell: self,
            id: id.as_str().unwrap().to_owned(),
            stream_id,
            subscribed,
            events,
        }
    }

    /// Registers an agent with `cpus:4;mem:4096;disk:10000;ports:[31000-32000]`.
    pub async fn agent(&self, id: &str) -> Agent<'_> {
        let (id, session) = (AgentId::from(id), SessionId::from(format!("{id}-session")));
        let peer = Peer::Agent {
            agent: id.clone(),
            session: session.clone(),
        };
        let registration = Registration {
            checkpoint: format!("{id}-checkpoint").into(),
            info: AgentInfo {
                hostname: "localhost".to_owned(),
                resources: "cpus:4;mem:4096;disk:10000;ports:[31000-32000]".parse().unwrap(),
                attributes: vec![("rack".to_owned(), "a7".to_owned()), ("level".to_owned(), "3".to_owned())],
                capabilities: AgentCapabilities {
                    native: true,
                    ..AgentCapabilities::default()
                },
                version: "0.1.0".to_owned(),
            },
            watermark: Watermark::default(),
            tasks: Vec::new(),
            clock: Time(1),
        };
        let mut agent = Agent {
            cell: self,
            commands: self.driver.handle().sessions().open(peer),
            id,
            session,
        };
        agent.say(FromAgent::Register(Box::new(registration))).await;
        assert!(matches!(agent.hear().await, ToAgent::Registered { .. }));
        agent
    }
}

pub const JSON: &str = "Content-Type: application/json";

pub fn header(headers: &HeaderMap, name: &str) -> String {
    headers.get(name).map_or("", |value| value.to_str().unwrap()).to_owned()
}

/// A whole answer.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Answer {
    pub async fn of(response: Response) -> Self {
        let (head, body) = response.into_parts();
        let body = soon(body.collect()).await.unwrap().to_bytes();
        Self {
            status: head.status,
            headers: head.headers,
            body,
        }
    }

    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}

/// The events of a stream; dropping them closes the connection.
pub struct Events {
    body: Body,
}

impl Events {
    pub fn of(response: Response) -> Self {
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(header(response.headers(), "content-type"), "application/json");
        // Without a length, HTTP/1.1 sends it in chunks.
        assert!(!response.headers().contains_key("content-length"));
        Self { body: response.into_body() }
    }

    /// The next event, which is a record and a frame of its own; none at the end of the stream.
    pub async fn try_next(&mut self) -> Option<Value> {
        let frame = soon(self.body.frame()).await?.unwrap().into_data().unwrap();
        let mut decoder = Decoder::new(1 << 20);
        decoder.push(&frame);
        let record = decoder.next_record().unwrap().expect("a frame is one whole record");
        decoder.finish().expect("a frame is one record and no more");
        Some(serde_json::from_slice(&record).unwrap())
    }

    pub async fn next(&mut self) -> Value {
        self.try_next().await.expect("the stream goes on")
    }

    /// The next event of a type; others before it are passed over.
    pub async fn next_of(&mut self, r#type: &str) -> Value {
        loop {
            let event = self.next().await;
            if event["type"] == r#type {
                return event;
            }
        }
    }
}

/// A framework.
pub struct Subscribed<'a> {
    cell: &'a Cell,
    pub id: String,
    pub stream_id: String,
    pub subscribed: Value,
    pub events: Events,
}

impl Subscribed<'_> {
    /// Makes a call, with `part` as the field of its type.
    pub async fn call(&self, r#type: &str, part: Value) -> Answer {
        let mut call = json!({"type": r#type, "framework_id": {"value": self.id}});
        call[r#type.to_lowercase()] = part;
        let stream_id = format!("Mesos-Stream-Id: {}", self.stream_id);
        Answer::of(self.cell.post(&[JSON, &stream_id], call.to_string()).await).await
    }

    pub async fn accepted(&self, r#type: &str, part: Value) {
        let answer = self.call(r#type, part).await;
        assert_eq!((answer.status, answer.text()), (StatusCode::ACCEPTED, ""));
    }

    /// The first of the next offers.
    pub async fn offer(&mut self) -> Value {
        let offers = self.events.next_of("OFFERS").await;
        offers["offers"]["offers"][0].clone()
    }
}

/// An agent that does what the test tells it.
pub struct Agent<'a> {
    cell: &'a Cell,
    commands: Session,
    pub id: AgentId,
    session: SessionId,
}

impl Agent<'_> {
    pub async fn say(&self, message: FromAgent) {
        let input = Input::Agent {
            agent: self.id.clone(),
            session: self.session.clone(),
            message,
        };
        self.cell.driver.handle().submit(input).await.unwrap();
    }

    pub async fn hear(&mut self) -> ToAgent {
        match soon(self.commands.next()).await.unwrap().message {
            Message::ToAgent(message) => message,
            Message::ToFramework(other) => panic!("not for an agent: {other:?}"),
        }
    }
}
