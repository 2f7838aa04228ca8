//! What the bytes on a connection look like.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use insula_server::authority::Authority;
use insula_server::front::{self, Clients, ServerCertificate, Tls};
use insula_server::stopping::Stopping;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use super::support::{Cell, soon};

/// Nobody here is silent.
const PING: Duration = Duration::from_secs(15);

/// A cell behind the port that the server really opens.
struct Served {
    address: std::net::SocketAddr,
    stopping: Stopping,
    serving: JoinHandle<()>,
}

async fn serve(cell: &Cell) -> Served {
    // Nobody here speaks TLS.
    let authority = Authority::generate("test", SystemTime::now()).unwrap();
    let clients = Clients::new(std::slice::from_ref(authority.certificate()), None).unwrap();
    let certificate = ServerCertificate::new(Arc::new(authority), Vec::new()).unwrap();
    let tls = Tls::new(certificate, clients).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let stopping = Stopping::default();
    let serving = front::serve(
        listener,
        tls,
        cell.router.clone(),
        stopping.clone(),
        PING,
        front::Connections::default(),
    );
    Served {
        address,
        stopping,
        serving: tokio::spawn(serving),
    }
}

impl Served {
    async fn connect(&self) -> Connection {
        Connection {
            stream: TcpStream::connect(self.address).await.unwrap(),
            received: Vec::new(),
        }
    }

    /// A framework's event stream, and the header with its id.
    async fn subscribe(&self) -> (Connection, String) {
        let mut events = self.connect().await;
        events.post("", SUBSCRIBE).await;
        let stream_id = stream_id(&events.until("\r\n\r\n").await);
        (events, stream_id)
    }

    async fn end(self) {
        self.stopping.end();
        soon(self.serving).await.unwrap();
    }
}

struct Connection {
    stream: TcpStream,
    received: Vec<u8>,
}

impl Connection {
    async fn post(&mut self, headers: &str, body: &str) {
        let request = format!(
            "POST /api/v1/scheduler HTTP/1.1\r\nHost: localhost\r\n{headers}\
             Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        self.stream.write_all(request.as_bytes()).await.unwrap();
    }

    /// Reads until what was received contains a text; returns all up to its end.
    async fn until(&mut self, text: &str) -> String {
        loop {
            let all = String::from_utf8_lossy(&self.received).into_owned();
            if let Some(at) = all.find(text) {
                let end = at + text.len();
                self.received.drain(..end);
                return all[..end].to_owned();
            }
            let read = soon(self.stream.read_buf(&mut self.received))
                .await
                .unwrap();
            assert_ne!(read, 0, "the connection ended before {text:?} in {all:?}");
        }
    }
}

const SUBSCRIBE: &str = r#"{"type":"SUBSCRIBE","subscribe":{"framework_info":
    {"user":"root","name":"probe","failover_timeout":60,"id":{"value":"f"}}},"framework_id":{"value":"f"}}"#;
const REVIVE: &str = r#"{"type":"REVIVE","framework_id":{"value":"f"}}"#;

fn stream_id(head: &str) -> String {
    let lines = head.lines();
    let line = lines
        .into_iter()
        .find(|line| line.starts_with("Mesos-Stream-Id: "));
    line.unwrap().to_owned() + "\r\n"
}

#[tokio::test]
async fn each_record_is_a_chunk() {
    let cell = Cell::start().await;
    let served = serve(&cell).await;
    let mut connection = served.connect().await;
    connection
        .post(
            "Connection: close\r\nAccept-Encoding: gzip, deflate\r\n",
            SUBSCRIBE,
        )
        .await;
    let head = connection.until("\r\n\r\n").await;
    assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{head}");
    for line in [
        "Content-Type: application/json\r\n",
        "Transfer-Encoding: chunked\r\n",
    ] {
        assert!(head.contains(line), "{head}");
    }
    assert!(!stream_id(&head).is_empty());
    let subscribed = connection.until("}}\r\n").await;
    let mut lines = subscribed.split("\r\n");
    let chunk = usize::from_str_radix(lines.next().unwrap(), 16).unwrap();
    let (length, record) = lines.next().unwrap().split_once('\n').unwrap();
    assert_eq!(length.parse::<usize>().unwrap(), record.len());
    assert_eq!(chunk, length.len() + 1 + record.len());
    let heartbeat = connection.until("}\r\n").await;
    assert_eq!(heartbeat, "17\r\n20\n{\"type\":\"HEARTBEAT\"}\r\n");
    drop(connection);
    served.end().await;
}

#[tokio::test]
async fn a_kept_connection_serves_call_after_call() {
    let cell = Cell::start().await;
    let served = serve(&cell).await;
    let (events, stream_id) = served.subscribe().await;
    let mut calls = served.connect().await;
    for _ in 0..3 {
        calls.post(&stream_id, REVIVE).await;
        let answer = calls.until("\r\n\r\n").await;
        assert!(answer.starts_with("HTTP/1.1 202 Accepted\r\n"), "{answer}");
        assert!(answer.contains("Content-Length: 0\r\n"), "{answer}");
    }
    drop((events, calls));
    served.end().await;
}

#[tokio::test]
async fn the_end_of_a_connection_is_noticed() {
    let cell = Cell::start().await;
    let served = serve(&cell).await;
    let (mut events, stream_id) = served.subscribe().await;
    events.until("HEARTBEAT").await;
    drop(events);
    let mut calls = served.connect().await;
    let refused = soon(async {
        loop {
            calls.post(&stream_id, REVIVE).await;
            let head = calls.until("\r\n\r\n").await;
            if !head.starts_with("HTTP/1.1 202") {
                return head;
            }
        }
    })
    .await;
    assert!(
        refused.starts_with("HTTP/1.1 403 Forbidden\r\n"),
        "{refused}"
    );
    calls.until("Framework is not subscribed").await;
    drop(calls);
    served.end().await;
}

/// As what lies in a gateway that was stopped: the request, and behind it the end of its connection.
/// Nothing else runs on this thread between the two.
#[tokio::test]
async fn a_subscription_whose_connection_is_over_displaces_nobody() {
    let cell = Cell::start().await;
    let served = serve(&cell).await;
    let (mut events, stream_id) = served.subscribe().await;
    let mut calls = served.connect().await;
    for _ in 0..10 {
        let mut stale = served.connect().await;
        stale.post("", SUBSCRIBE).await;
        stale.stream.shutdown().await.unwrap();
        // Until the gateway has found the end.
        let mut rest = Vec::new();
        let _ = soon(stale.stream.read_to_end(&mut rest)).await;
        let rest = String::from_utf8_lossy(&rest);
        assert!(!rest.contains("SUBSCRIBED"), "{rest}");
        calls.post(&stream_id, REVIVE).await;
        let answer = calls.until("\r\n\r\n").await;
        assert!(answer.starts_with("HTTP/1.1 202 Accepted\r\n"), "{answer}");
    }
    let mut next = served.connect().await;
    next.post("", SUBSCRIBE).await;
    next.until("SUBSCRIBED").await;
    events.until("Framework failed over").await;
    drop((events, calls, next));
    served.end().await;
}
