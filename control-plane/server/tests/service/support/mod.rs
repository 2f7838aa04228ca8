//! A whole control plane on a port of its own, over SQLite in a directory of its own, and the other
//! side: a client over HTTP and an agent that the test plays itself.

mod agent;
mod identity;

use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client as Http;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use insula_client::Client;
use insula_client::api::{SubmitTask, SubmitTasks, Task};
use insula_proto::JoinToken;
use insula_server::{Options, Server};
use insula_types::Span;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

pub(crate) use agent::{Agent, launch_of, wire};
pub(crate) use identity::{Identity, Stranger, strange_client, tls_to};

/// How long a test waits for what must happen; it happens within milliseconds.
const DEADLINE: Duration = Duration::from_secs(60);

/// Waits for what must happen.
pub(crate) async fn soon<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(DEADLINE, future)
        .await
        .expect("it happens before the deadline")
}

/// Looks again until it is so. The pause is no measure of anything.
pub(crate) async fn eventually(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    let until_so = async {
        while !is_so().await {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let found = tokio::time::timeout(DEADLINE, until_so).await;
    assert!(found.is_ok(), "{what}: not before the deadline");
}

/// A control plane.
pub(crate) struct Plane {
    pub(crate) server: Server,
    pub(crate) client: Client,
    pub(crate) directory: TempDir,
}

impl Plane {
    pub(crate) async fn start() -> Self {
        Self::over(tempfile::tempdir().unwrap()).await
    }

    /// Starts on what an earlier one left behind.
    pub(crate) async fn over(directory: TempDir) -> Self {
        let options = options(&directory);
        let server = soon(Server::start(options)).await.unwrap();
        let client = Client::new(&server.address().to_string()).unwrap();
        Self {
            server,
            client,
            directory,
        }
    }

    /// Stops, and gives back the directory.
    pub(crate) async fn stop(self) -> TempDir {
        soon(self.server.stop()).await.unwrap();
        self.directory
    }

    pub(crate) async fn token(&self) -> JoinToken {
        self.server.token(1, Span::from_secs(60)).await.unwrap()
    }

    /// A machine that has joined and opened its session, with four cores.
    pub(crate) async fn agent(&self) -> Agent {
        let identity = Identity::enroll(&self.token().await).await.unwrap();
        Agent::register(&identity).await
    }

    /// Submits one task, given as JSON, and says its id.
    pub(crate) async fn submit(&self, task: Value) -> String {
        let task: SubmitTask = serde_json::from_value(task).unwrap();
        let tasks = vec![task];
        let submitted = self.client.submit(&SubmitTasks { tasks }).await.unwrap();
        submitted.ids[0].clone()
    }

    /// The task once it is over.
    pub(crate) async fn done(&self, id: &str) -> Task {
        soon(self.client.wait(id, 50)).await.unwrap()
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.call(Method::GET, path, &[], "").await
    }

    pub(crate) async fn post(&self, path: &str, body: &str) -> Answer {
        self.call(Method::POST, path, &[], body.to_owned()).await
    }

    /// One request over plain HTTP/1.
    pub(crate) async fn call(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<Bytes>,
    ) -> Answer {
        let mut request = Request::builder()
            .method(method)
            .uri(format!("http://{}{path}", self.server.address()));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Full::new(body.into())).unwrap();
        let http: Http<HttpConnector, Full<Bytes>> =
            Http::builder(TokioExecutor::new()).build_http();
        let (head, body) = soon(http.request(request)).await.unwrap().into_parts();
        let body = soon(body.collect()).await.unwrap().to_bytes();
        Answer {
            status: head.status,
            text: String::from_utf8(body.to_vec()).unwrap(),
        }
    }

    pub(crate) async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.server.address()).await.unwrap()
    }

    /// Sends bytes on a connection of their own, and reads until the other side closes it.
    pub(crate) async fn exchange(&self, bytes: &[u8]) -> String {
        let mut stream = self.connect().await;
        stream.write_all(bytes).await.unwrap();
        read_to_end(&mut stream).await
    }
}

pub(crate) fn options(directory: &TempDir) -> Options {
    Options::new(([127, 0, 0, 1], 0).into(), directory.path().to_owned())
}

/// What comes until the other side closes or resets the connection.
pub(crate) async fn read_to_end(stream: &mut TcpStream) -> String {
    let mut answer = Vec::new();
    let _closed_or_reset = soon(stream.read_to_end(&mut answer)).await;
    String::from_utf8_lossy(&answer).into_owned()
}

pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) text: String,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|_| panic!("no JSON: {}", self.text))
    }

    /// The status, code and sentence of a failure, which has nothing else but perhaps a hint.
    pub(crate) fn failure(&self) -> (u16, String, String) {
        let body = self.json();
        let error = body["error"].as_object().unwrap();
        let known = ["code", "message", "hint"];
        assert!(error.keys().all(|key| known.contains(&key.as_str())));
        assert_eq!(body.as_object().unwrap().len(), 1, "{body}");
        let text = |key: &str| error[key].as_str().unwrap().to_owned();
        (self.status.as_u16(), text("code"), text("message"))
    }
}

/// A task that runs a shell line which nobody runs.
pub(crate) fn shell() -> Value {
    json!({"run": {"shell": "true"}, "name": "story"})
}
