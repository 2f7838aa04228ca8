//! HTTP as a careful client speaks it: it always knows whether its request may have been applied.

use std::net::SocketAddr;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{Method, Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::history::Answer;

/// How long connecting may take.
const CONNECT: Duration = Duration::from_secs(2);
/// How long an answer may take. Longer than a takeover, so that a request which waits for one is
/// answered.
const ANSWER: Duration = Duration::from_secs(8);

/// A principal and its secret, for HTTP Basic.
#[derive(Debug, Clone)]
pub struct Credential {
    /// Who.
    pub principal: String,
    /// The secret.
    pub secret: String,
}

/// Whom to call and as whom. Every request has a connection of its own: through a balancer, each may
/// reach another replica.
#[derive(Debug, Clone)]
pub struct Http {
    address: SocketAddr,
    headers: Vec<(&'static str, String)>,
}

/// What came back.
#[derive(Debug)]
pub enum Reply {
    /// An answer, whole.
    Answered {
        /// Its status.
        status: u16,
        /// Its body.
        body: Bytes,
    },
    /// No connection was made, so nothing was sent.
    NotSent,
    /// The connection broke, or nothing came in time.
    Unknown,
}

impl Http {
    /// Calls without a credential.
    #[must_use]
    pub fn at(address: SocketAddr) -> Self {
        Self {
            address,
            headers: Vec::new(),
        }
    }

    /// Calls as somebody.
    #[must_use]
    pub fn with_credential(self, credential: &Credential) -> Self {
        let pair = format!("{}:{}", credential.principal, credential.secret);
        self.with("authorization", format!("Basic {}", STANDARD.encode(pair)))
    }

    /// Calls with one more header.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: String) -> Self {
        self.headers.push((name, value));
        self
    }

    /// `GET`.
    pub async fn get(&self, path: &str) -> Reply {
        self.ask(Method::GET, path, None).await
    }

    /// `POST` with a JSON body.
    pub async fn post(&self, path: &str, body: &Value) -> Reply {
        self.ask(Method::POST, path, Some(body)).await
    }

    /// `POST` whose answer is a stream; `None` if there was none in time.
    pub async fn open(&self, path: &str, body: &Value) -> Option<Response<Incoming>> {
        let connection = self.connect().await?;
        let sent = self.send(connection, Method::POST, path, Some(body));
        timeout(ANSWER, sent).await.ok()?
    }

    async fn ask(&self, method: Method, path: &str, body: Option<&Value>) -> Reply {
        let Some(connection) = self.connect().await else {
            return Reply::NotSent;
        };
        let answered = timeout(ANSWER, async {
            let response = self.send(connection, method, path, body).await?;
            let status = response.status().as_u16();
            let body = response.into_body().collect().await.ok()?.to_bytes();
            Some(Reply::Answered { status, body })
        });
        answered.await.ok().flatten().unwrap_or(Reply::Unknown)
    }

    async fn connect(&self) -> Option<TcpStream> {
        let connected = timeout(CONNECT, TcpStream::connect(self.address)).await;
        let connection = connected.ok()?.ok()?;
        connection.set_nodelay(true).ok()?;
        Some(connection)
    }

    async fn send(
        &self,
        connection: TcpStream,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Option<Response<Incoming>> {
        let handshake = http1::handshake(TokioIo::new(connection)).await;
        let (mut sender, carrier) = handshake.ok()?;
        // Ends when the answer has been read or dropped.
        tokio::spawn(carrier);
        let mut request = Request::builder().method(method).uri(path);
        request = request.header("host", self.address.to_string());
        if body.is_some() {
            request = request.header("content-type", "application/json");
        }
        for (name, value) in &self.headers {
            request = request.header(*name, value);
        }
        let body = body.map(Value::to_string).unwrap_or_default();
        let request = request.body(Full::new(Bytes::from(body))).ok()?;
        sender.send_request(request).await.ok()
    }
}

impl Reply {
    /// The status of an answer.
    #[must_use]
    pub fn status(&self) -> Option<u16> {
        match self {
            Self::Answered { status, .. } => Some(*status),
            Self::NotSent | Self::Unknown => None,
        }
    }

    /// The JSON of an answer that is a success.
    #[must_use]
    pub fn json(&self) -> Option<Value> {
        match self {
            Self::Answered { status, body } if (200..300).contains(status) => {
                serde_json::from_slice(body).ok()
            }
            _ => None,
        }
    }

    /// What it says of a call to the scheduler API.
    #[must_use]
    pub fn to_answer(&self) -> Answer {
        match self {
            Self::Answered { status: 202, .. } => Answer::Taken,
            // An answer that says that the outcome is not known.
            Self::Answered { status: 500, .. } | Self::Unknown => Answer::Unknown,
            Self::Answered { status, body } => Answer::Refused {
                status: *status,
                text: String::from_utf8_lossy(body).into_owned(),
            },
            Self::NotSent => Answer::NotSent,
        }
    }
}
