//! Requests by hand.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use insula_proto::recordio::Decoder;
use serde_json::Value;
use tokio::net::TcpStream;

use super::identity::{Identity, tls_to};
use super::soon;

/// A request to be.
#[derive(Clone)]
pub(crate) struct Call {
    address: String,
    is_plain: bool,
    identity: Option<Identity>,
    headers: Vec<(String, String)>,
}

/// A whole answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl Call {
    /// Over TLS, without a certificate or credential.
    pub(crate) fn to(address: &str) -> Self {
        Self {
            address: address.to_owned(),
            is_plain: false,
            identity: None,
            headers: Vec::new(),
        }
    }

    /// Over a plain connection.
    pub(crate) fn plain(self) -> Self {
        Self {
            is_plain: true,
            ..self
        }
    }

    /// With an agent's certificate.
    pub(crate) fn by(self, identity: &Identity) -> Self {
        Self {
            identity: Some(identity.clone()),
            ..self
        }
    }

    pub(crate) fn bearer(self, secret: &str) -> Self {
        self.header("authorization", &format!("Bearer {secret}"))
    }

    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(Method::GET, path, "").await
    }

    pub(crate) async fn post(&self, path: &str, body: &str) -> Answer {
        self.send(Method::POST, path, body).await
    }

    async fn send(&self, method: Method, path: &str, body: &str) -> Answer {
        let (head, body) = self.open(method, path, body).await.into_parts();
        let body = soon(body.collect()).await.unwrap().to_bytes();
        Answer {
            status: head.status,
            headers: head.headers,
            text: String::from_utf8(body.to_vec()).unwrap(),
        }
    }

    /// An answer that is read as it comes, on a connection of its own.
    pub(crate) async fn open(
        &self,
        method: Method,
        path: &str,
        body: &str,
    ) -> http::Response<Incoming> {
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header("host", "localhost");
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        let request = request
            .body(Full::new(Bytes::from(body.to_owned())))
            .unwrap();
        let shaken = if self.is_plain {
            let stream = TcpStream::connect(&self.address).await.unwrap();
            shake_hands(stream).await
        } else {
            let stream = tls_to(&self.address, self.identity.as_ref(), b"http/1.1").await;
            shake_hands(stream.unwrap()).await
        };
        let mut sender = shaken;
        soon(sender.send_request(request)).await.unwrap()
    }
}

type Sender = hyper::client::conn::http1::SendRequest<Full<Bytes>>;

async fn shake_hands(
    stream: impl tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send + 'static,
) -> Sender {
    let shaken = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await;
    let (sender, connection) = shaken.unwrap();
    tokio::spawn(connection);
    sender
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().unwrap())
    }
}

/// The value of an `Authorization` header.
pub(crate) fn basic(user: &str, secret: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{user}:{secret}")))
}

/// The events of a subscription.
pub(crate) struct Events {
    body: Incoming,
    decoder: Decoder,
}

impl Events {
    pub(crate) fn of(response: http::Response<Incoming>) -> Self {
        assert_eq!(response.status(), StatusCode::OK);
        Self {
            body: response.into_body(),
            decoder: Decoder::new(1 << 20),
        }
    }

    /// The next event; nothing at the end of the stream.
    pub(crate) async fn next(&mut self) -> Option<Value> {
        loop {
            if let Some(record) = self.decoder.next_record().unwrap() {
                return Some(serde_json::from_slice(&record).unwrap());
            }
            let frame = soon(self.body.frame()).await?;
            // A replica that dies ends its connections without a word.
            self.decoder.push(&frame.ok()?.into_data().unwrap());
        }
    }

    /// The next event of a type; others before it are passed over.
    pub(crate) async fn next_of(&mut self, r#type: &str) -> Value {
        loop {
            let event = self.next().await.expect("the stream goes on");
            if event["type"] == r#type {
                return event;
            }
        }
    }
}
