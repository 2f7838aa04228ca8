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
use insula_server::auth::Gate;
use insula_server::cells::Cells;
use insula_server::front::{Connection, Security};
use insula_server::gateway::mesos::{HEARTBEAT_INTERVAL, Master, MesosState, router};
use insula_server::partition::{Driver, Handle, Options, Session, Sessions};
use insula_server::replica::Owners;
use insula_store::{Retention, Store};
use insula_types::agent::{AgentCapabilities, AgentInfo};
use insula_types::message::{
    Command, CommandBody, FromAgent, Launch, Message, Peer, Registration, ToAgent, Watermark,
};
use insula_types::{AgentId, CellId, FrameworkKey, PartitionId, SessionId, Time};
use serde_json::{Value, json};
use tower::ServiceExt;

/// How long a test waits for what must happen; it happens within milliseconds.
const DEADLINE: Duration = Duration::from_secs(30);

/// Waits for what must happen.
pub(crate) async fn soon<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(DEADLINE, future)
        .await
        .expect("it happens before the deadline")
}

pub(crate) struct Cell {
    pub(crate) driver: Driver,
    pub(crate) store: Store,
    pub(crate) sessions: Sessions,
    pub(crate) router: Router,
}

impl Cell {
    pub(crate) async fn start() -> Self {
        Self::with_heartbeat(HEARTBEAT_INTERVAL).await
    }

    pub(crate) async fn with_heartbeat(interval: Duration) -> Self {
        Self::over(Store::in_memory().await.unwrap(), interval).await
    }

    /// Starts on what an earlier cell left in the store.
    pub(crate) async fn over(store: Store, heartbeat_interval: Duration) -> Self {
        let cell = CellId::from("default");
        let partition = PartitionId(0);
        store.add_cell(&cell, Some(partition)).await.unwrap();
        let sessions = Sessions::default();
        let options = Options {
            partition,
            kernel: insula_kernel::Config::default(),
            retention: Retention::default(),
            sessions: sessions.clone(),
            lease: None,
            network: None,
        };
        let mut driver = Driver::start(store.clone(), options).await.unwrap();
        driver.loaded().await.unwrap();
        let owners = Owners::alone(driver.port().clone());
        let cells = Cells::new(store.clone(), owners, None, sessions.clone());
        let master = Master {
            id: "9ee4c3ea-3a53-4bb8-9b6a-6d3a1fd2d2a1".to_owned(),
            hostname: "localhost".to_owned(),
            ip: Ipv4Addr::LOCALHOST.into(),
            port: 5050,
            started_at: Time(1_795_328_031_363_660),
        };
        let router = router(MesosState {
            gate: Gate::new(cells, None),
            store: store.clone(),
            master: Arc::new(master),
            heartbeat_interval,
        });
        Self {
            driver,
            store,
            sessions,
            router,
        }
    }

    pub(crate) fn handle(&self) -> Handle {
        self.driver.port().cell(&CellId::from("default")).unwrap()
    }

    /// Sends a request as from a plain loopback connection.
    pub(crate) async fn send(&self, request: Request<Body>) -> Response {
        send(&self.router, request).await
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        let request = Request::get(path).body(Body::empty()).unwrap();
        Answer::of(self.send(request).await).await
    }

    /// Posts a call with these headers, `Name: value` each.
    pub(crate) async fn post(&self, headers: &[&str], body: impl Into<Body>) -> Response {
        post(&self.router, headers, body).await
    }

    /// Subscribes and reads SUBSCRIBED and the first HEARTBEAT.
    pub(crate) async fn subscribe(&self, info: Value) -> Subscribed {
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
            router: self.router.clone(),
            id: id.as_str().unwrap().to_owned(),
            stream_id,
            subscribed,
            events,
        }
    }

    /// Registers an agent with `cpus:4;mem:4096;disk:10000;ports:[31000-32000]`.
    pub(crate) async fn agent(&self, id: &str) -> Agent {
        let (id, session) = (AgentId::from(id), SessionId::from(format!("{id}-session")));
        let peer = Peer::Agent {
            agent: id.clone(),
            session: session.clone(),
        };
        let registration = Registration {
            checkpoint: format!("{id}-checkpoint").into(),
            info: AgentInfo {
                hostname: "localhost".to_owned(),
                resources: "cpus:4;mem:4096;disk:10000;ports:[31000-32000]"
                    .parse()
                    .unwrap(),
                attributes: vec![
                    ("rack".to_owned(), "a7".to_owned()),
                    ("level".to_owned(), "3".to_owned()),
                ],
                capabilities: AgentCapabilities {
                    native: true,
                    ..AgentCapabilities::default()
                },
                version: "0.1.0".to_owned(),
            },
            watermark: Watermark::default(),
            tasks: Vec::new(),
            clock: Time(1),
            settled: None,
            protocol: insula_types::message::AGENT_PROTOCOL,
        };
        let mut agent = Agent {
            handle: self.handle(),
            commands: self.handle().sessions().open(peer),
            id,
            session,
        };
        agent.say(FromAgent::Register(Box::new(registration))).await;
        assert!(matches!(agent.hear().await, ToAgent::Registered { .. }));
        agent
    }
}

async fn send(router: &Router, mut request: Request<Body>) -> Response {
    let here = Connection::new(([127, 0, 0, 1], 1).into(), Security::Plain);
    request.extensions_mut().insert(here);
    soon(router.clone().oneshot(request)).await.unwrap()
}

async fn post(router: &Router, headers: &[&str], body: impl Into<Body>) -> Response {
    let mut request = Request::post("/api/v1/scheduler");
    for header in headers {
        let (name, value) = header.split_once(": ").unwrap();
        request = request.header(name, value);
    }
    send(router, request.body(body.into()).unwrap()).await
}

pub(crate) const JSON: &str = "Content-Type: application/json";

pub(crate) fn header(headers: &HeaderMap, name: &str) -> String {
    headers
        .get(name)
        .map_or("", |value| value.to_str().unwrap())
        .to_owned()
}

/// A whole answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Answer {
    pub(crate) async fn of(response: Response) -> Self {
        let (head, body) = response.into_parts();
        let body = soon(body.collect()).await.unwrap().to_bytes();
        Self {
            status: head.status,
            headers: head.headers,
            body,
        }
    }

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}

/// The events of a stream; dropping them closes the connection.
pub(crate) struct Events {
    body: Body,
}

impl Events {
    pub(crate) fn of(response: Response) -> Self {
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(
            header(response.headers(), "content-type"),
            "application/json"
        );
        // Without a length, HTTP/1.1 sends it in chunks.
        assert!(!response.headers().contains_key("content-length"));
        Self {
            body: response.into_body(),
        }
    }

    /// The next event, which is a record and a frame of its own; none at the end of the stream.
    pub(crate) async fn try_next(&mut self) -> Option<Value> {
        let frame = soon(self.body.frame()).await?.unwrap().into_data().unwrap();
        let mut decoder = Decoder::new(1 << 20);
        decoder.push(&frame);
        let record = decoder
            .next_record()
            .unwrap()
            .expect("a frame is one whole record");
        decoder.finish().expect("a frame is one record and no more");
        Some(serde_json::from_slice(&record).unwrap())
    }

    pub(crate) async fn next(&mut self) -> Value {
        self.try_next().await.expect("the stream goes on")
    }

    /// The next event of a type; others before it are passed over.
    pub(crate) async fn next_of(&mut self, r#type: &str) -> Value {
        loop {
            let event = self.next().await;
            if event["type"] == r#type {
                return event;
            }
        }
    }
}

/// A framework.
pub(crate) struct Subscribed {
    router: Router,
    pub(crate) id: String,
    pub(crate) stream_id: String,
    pub(crate) subscribed: Value,
    pub(crate) events: Events,
}

impl Subscribed {
    /// Makes a call, with `part` as the field of its type.
    pub(crate) async fn call(&self, r#type: &str, part: Value) -> Answer {
        let mut call = json!({"type": r#type, "framework_id": {"value": self.id}});
        call[r#type.to_lowercase()] = part;
        let stream_id = format!("Mesos-Stream-Id: {}", self.stream_id);
        Answer::of(post(&self.router, &[JSON, &stream_id], call.to_string()).await).await
    }

    /// Its session, as the driver knows it.
    pub(crate) fn peer(&self) -> Peer {
        Peer::Framework {
            framework: FrameworkKey {
                tenant: "default".into(),
                framework: self.id.as_str().into(),
            },
            session: self.stream_id.as_str().into(),
        }
    }

    pub(crate) async fn accepted(&self, r#type: &str, part: Value) {
        let answer = self.call(r#type, part).await;
        assert_eq!((answer.status, answer.text()), (StatusCode::ACCEPTED, ""));
    }

    /// The first of the next offers.
    pub(crate) async fn offer(&mut self) -> Value {
        let offers = self.events.next_of("OFFERS").await;
        offers["offers"]["offers"][0].clone()
    }
}

/// An agent that does what the test tells it.
pub(crate) struct Agent {
    handle: Handle,
    commands: Session,
    pub(crate) id: AgentId,
    session: SessionId,
}

impl Agent {
    pub(crate) async fn say(&self, message: FromAgent) {
        let input = Input::Agent {
            agent: self.id.clone(),
            session: self.session.clone(),
            message,
        };
        self.handle
            .submit(&insula_telemetry::fresh(), input)
            .await
            .unwrap();
    }

    pub(crate) async fn hear(&mut self) -> ToAgent {
        match soon(self.commands.next()).await.unwrap().message {
            Message::ToAgent(message) => message,
            Message::ToFramework(other) => panic!("not for an agent: {other:?}"),
        }
    }
}

impl Agent {
    /// Waits for a launch.
    pub(crate) async fn launched(&mut self) -> Launch {
        loop {
            if let ToAgent::Command(Command {
                body: CommandBody::Launch(launch),
                ..
            }) = self.hear().await
            {
                return *launch;
            }
        }
    }
}
