//! One connection from its first byte to its end.

use std::future::pending;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::time::Duration;

use axum::Router;
use http::Request;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::timeout;
use tower::ServiceExt;
use tracing::debug;

use super::{Client, Connection, Security, Tls};
use crate::stopping::Stopping;

/// The record type with which every TLS connection begins (RFC 8446, section 5.1).
const TLS_HANDSHAKE: u8 = 22;
/// Who has not said a first byte, or finished the TLS handshake, or sent the whole head of a first
/// request, each within this time, is cut off.
const OPENING: Duration = Duration::from_secs(10);
/// Longest that a TLS connection lives on which nobody has proved who they are. All that can be done
/// on it is to enroll, which takes milliseconds; strangers must not be able to collect connections.
const STRANGER: Duration = Duration::from_secs(60);
/// Calls at a time on one HTTP/2 connection: an agent's session, the outputs and inputs that it
/// answers (256 at most), and as many modules.
const STREAMS_MAX: u32 = 520;
/// What may be on its way to one reader who does not read, in bytes: enough for 5 MB a second over a
/// round trip of 50 ms.
const STREAM_WINDOW: u32 = 256 << 10;
/// All streams may wait for their readers at once and the connection still has room, so that whoever
/// stops reading an output never holds up the agent's session beside it.
const CONNECTION_WINDOW: u32 = STREAMS_MAX * STREAM_WINDOW;
/// What a plain connection from another machine is answered, whatever it asks.
const PLAIN_REFUSED: &str = "HTTP/1.1 403 Forbidden\r\nContent-Type: text/plain\r\n\
    Content-Length: 74\r\nConnection: close\r\n\r\n\
    plain text is served on this machine only; from elsewhere TLS is required\n";

/// What a connection needs to be served.
#[derive(Clone)]
pub(super) struct Door {
    pub(super) tls: Tls,
    pub(super) router: Router,
    pub(super) stopping: Stopping,
    /// An HTTP/2 peer (an agent, as a rule) that has been silent for so long is pinged, and given up
    /// after as long again. That is well before its silence counts, and its own pings keep a NAT's
    /// memory of the connection fresh.
    pub(super) ping: Duration,
}

impl Door {
    /// Serves one connection until either side ends it.
    pub(super) async fn converse(self, stream: TcpStream, remote: SocketAddr) {
        if let Err(error) = self.serve(stream, remote).await {
            debug!(%remote, %error, "connection ended");
        }
    }

    async fn serve(&self, stream: TcpStream, remote: SocketAddr) -> io::Result<()> {
        stream.set_nodelay(true)?;
        let first = tokio::select! {
            first = timeout(OPENING, first_byte(&stream)) => first??,
            () = self.stopping.closing() => return Ok(()),
        };
        match first {
            None => Ok(()),
            Some(TLS_HANDSHAKE) => self.protected(stream, remote).await,
            // An IPv6 socket shows an IPv4 peer as a mapped address.
            Some(_) if remote.ip().to_canonical().is_loopback() => {
                let connection = Connection::new(remote, Security::Plain);
                self.requests(stream, connection).await
            }
            Some(_) => timeout(OPENING, refuse(stream)).await?,
        }
    }

    async fn protected(&self, stream: TcpStream, remote: SocketAddr) -> io::Result<()> {
        let stream = tokio::select! {
            stream = timeout(OPENING, self.tls.acceptor.accept(stream)) => stream??,
            () = self.stopping.closing() => return Ok(()),
        };
        let certificates = stream.get_ref().1.peer_certificates();
        let client = match certificates.and_then(<[_]>::first) {
            None => Client::Stranger,
            Some(certificate) => self
                .tls
                .clients
                .who(certificate)
                .ok_or(io::ErrorKind::PermissionDenied)?,
        };
        let is_stranger = matches!(client, Client::Stranger);
        let connection = Connection::new(remote, Security::Tls(client));
        let requests = self.requests(stream, connection.clone());
        if !is_stranger {
            return requests.await;
        }
        tokio::select! {
            ended = requests => ended,
            () = outstayed(&connection) => Err(io::ErrorKind::TimedOut.into()),
        }
    }

    async fn requests(
        &self,
        stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
        connection: Connection,
    ) -> io::Result<()> {
        let (begins, mut begun) = watch::channel(false);
        let service = service_fn(|mut request: Request<Incoming>| {
            begins.send_replace(true);
            request.extensions_mut().insert(connection.clone());
            self.router.clone().oneshot(request)
        });
        let builder = builder(self.ping);
        let mut serving = pin!(builder.serve_connection(TokioIo::new(stream), service));
        tokio::select! {
            served = &mut serving => return served.map_err(io::Error::other),
            () = nothing_asked(begun.clone()) => return Err(io::ErrorKind::TimedOut.into()),
            () = self.stopping.closing() => {}
        }
        if !*begun.borrow_and_update() {
            // Hyper would wait for the rest of a request that has not come.
            return Ok(());
        }
        serving.as_mut().graceful_shutdown();
        serving.await.map_err(io::Error::other)
    }
}

async fn first_byte(stream: &TcpStream) -> io::Result<Option<u8>> {
    let mut first = [0];
    let read = stream.peek(&mut first).await?;
    Ok((read > 0).then_some(first[0]))
}

/// Completes if no request has come in time.
async fn nothing_asked(mut begun: watch::Receiver<bool>) {
    if timeout(OPENING, begun.wait_for(|begun| *begun))
        .await
        .is_ok()
    {
        pending::<()>().await;
    }
}

/// Completes if nobody on the connection has proved who they are in time.
async fn outstayed(connection: &Connection) {
    if timeout(STRANGER, connection.welcomed()).await.is_ok() {
        pending::<()>().await;
    }
}

/// Says why. What was sent is read first: closing a connection with unread bytes would tear down the
/// answer as well.
async fn refuse(mut stream: TcpStream) -> io::Result<()> {
    let mut asked = [0; 4_096];
    if stream.read(&mut asked).await? == 0 {
        return Ok(());
    }
    stream.write_all(PLAIN_REFUSED.as_bytes()).await?;
    stream.shutdown().await
}

fn builder(ping: Duration) -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new());
    // Hyper would count the time between two requests as reading the head of the second, and Mesos
    // clients keep an idle connection for their next call for as long as they live. The first head is
    // bounded above; a later one costs a connection only to a caller from this machine or an agent.
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(None)
        .half_close(false)
        // Names of headers have no case, but some Mesos clients look for them as Mesos writes them.
        .title_case_headers(true);
    builder
        .http2()
        .timer(TokioTimer::new())
        .keep_alive_interval(ping)
        .keep_alive_timeout(ping)
        .max_concurrent_streams(STREAMS_MAX)
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW);
    builder
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::sync::Arc;
    use std::time::SystemTime;

    use tokio::net::TcpListener;

    use super::*;
    use crate::authority::Authority;
    use crate::front::{Clients, ServerCertificate};

    fn door() -> Door {
        let authority = Authority::generate("test", SystemTime::now()).unwrap();
        let clients = [authority.certificate().clone()];
        let clients = Clients::new(&clients, None).unwrap();
        let certificate = ServerCertificate::new(Arc::new(authority), Vec::new()).unwrap();
        Door {
            tls: Tls::new(certificate, clients).unwrap(),
            router: Router::new().route("/", axum::routing::get(|| async { "served" })),
            stopping: Stopping::default(),
            ping: Duration::from_secs(15),
        }
    }

    /// What a plain request is answered that seems to come from `remote`.
    async fn asked_from(remote: &str) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let mut client = TcpStream::connect(address).await.unwrap();
        let request = b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
        client.write_all(request).await.unwrap();
        let (stream, _) = listener.accept().await.unwrap();
        door().converse(stream, remote.parse().unwrap()).await;
        let mut answer = String::new();
        client.read_to_string(&mut answer).await.unwrap();
        answer
    }

    #[tokio::test]
    async fn plain_text_is_served_to_this_machine_only() {
        for here in [
            "127.0.0.1:1",
            "127.1.2.3:1",
            "[::1]:1",
            "[::ffff:127.0.0.1]:1",
        ] {
            let answer = asked_from(here).await;
            assert!(answer.ends_with("served"), "{here}: {answer}");
        }
        for elsewhere in ["10.0.0.1:1", "[2001:db8::1]:1", "[::ffff:10.0.0.1]:1"] {
            let answer = asked_from(elsewhere).await;
            assert_eq!(answer, PLAIN_REFUSED, "{elsewhere}");
        }
    }

    #[test]
    fn the_refusal_announces_its_length() {
        let (head, body) = PLAIN_REFUSED.split_once("\r\n\r\n").unwrap();
        assert!(head.contains(&format!("Content-Length: {}\r\n", body.len())));
    }
}
