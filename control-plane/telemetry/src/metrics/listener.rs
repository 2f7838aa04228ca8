//! `GET /metrics` on an address of its own, for processes that listen nowhere else.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::timeout;

use super::registry::Metrics;

/// Scrapes at a time; a Prometheus makes one, and people look now and then.
const SCRAPES_MAX: usize = 16;
/// The head of a request may have so many bytes; that of a Prometheus has a few hundred.
const HEAD_BYTES_MAX: usize = 8 << 10;
/// How long a scrape may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// The pause after a connection could not be accepted, so that a lack of files is not made worse.
const PAUSE: Duration = Duration::from_millis(100);

/// The address cannot be listened at.
#[derive(Debug, thiserror::Error)]
#[error("cannot serve metrics at {address}")]
pub struct ListenError {
    /// Where.
    pub address: SocketAddr,
    /// Why not.
    #[source]
    pub source: io::Error,
}

/// Listens at an address and answers `GET /metrics` there, without encryption and to whoever comes;
/// `refresh` is called before each answer. The result is where it listens, and what goes on for as long
/// as it is polled.
///
/// It speaks as much of HTTP/1.1 as a scrape needs: one request for each connection, of which nothing
/// but the first line counts.
///
/// # Errors
/// See [`ListenError`].
pub async fn serve(
    address: SocketAddr,
    metrics: Metrics,
    refresh: impl Fn() + Send + Sync + 'static,
) -> Result<(SocketAddr, impl Future<Output = ()> + Send), ListenError> {
    let failed = |source| ListenError { address, source };
    let listener = TcpListener::bind(address).await.map_err(failed)?;
    let bound = listener.local_addr().map_err(failed)?;
    let page = Arc::new(move || {
        refresh();
        metrics.text()
    });
    Ok((bound, accept(listener, page)))
}

async fn accept<F>(listener: TcpListener, page: Arc<F>)
where
    F: Fn() -> String + Send + Sync + 'static,
{
    let scrapes = Arc::new(Semaphore::new(SCRAPES_MAX));
    loop {
        let Ok(permit) = Arc::clone(&scrapes).acquire_owned().await else {
            return;
        };
        match listener.accept().await {
            Ok((connection, _)) => {
                let page = Arc::clone(&page);
                tokio::spawn(async move {
                    // Whoever does not take the answer does not get it.
                    let _ = timeout(PATIENCE, answer(connection, &*page)).await;
                    drop(permit);
                });
            }
            Err(error) => {
                tracing::warn!(%error, "a scrape could not be accepted");
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}

async fn answer(mut connection: TcpStream, page: &(dyn Fn() -> String + Sync)) -> io::Result<()> {
    let head = head(&mut connection).await?;
    let line = head.split(|byte| *byte == b'\r').next().unwrap_or_default();
    let line = String::from_utf8_lossy(line);
    let mut words = line.split(' ');
    let (method, target) = (words.next(), words.next().unwrap_or_default());
    let path = target.split('?').next();
    let (status, body) = match (method, path) {
        (Some("GET"), Some("/metrics")) => ("200 OK", page()),
        (Some("GET"), _) => ("404 Not Found", "there is only /metrics\n".to_owned()),
        _ => ("405 Method Not Allowed", "there is only GET\n".to_owned()),
    };
    let head = format!(
        "HTTP/1.1 {status}\r\ncontent-type: {}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
        Metrics::content_type(),
        body.len()
    );
    connection.write_all(head.as_bytes()).await?;
    connection.write_all(body.as_bytes()).await?;
    connection.shutdown().await
}

/// Reads to the end of the head, or to as much as is looked at.
async fn head(connection: &mut TcpStream) -> io::Result<Vec<u8>> {
    let mut head = Vec::new();
    let mut limited = connection.take(HEAD_BYTES_MAX as u64);
    while !head.windows(4).any(|end| end == b"\r\n\r\n") {
        if limited.read_buf(&mut head).await? == 0 {
            break;
        }
    }
    Ok(head)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::metrics::{Identity, ProcessMetrics};

    async fn ask(address: SocketAddr, request: &str) -> String {
        let mut connection = TcpStream::connect(address).await.unwrap();
        connection.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        connection.read_to_string(&mut answer).await.unwrap();
        answer
    }

    #[tokio::test]
    async fn a_scrape_is_answered_and_nothing_else_is() {
        let metrics = Metrics::new(Identity {
            service: "insula-agent",
            version: "1.2.3",
            instance: "a".to_owned(),
        });
        let process = ProcessMetrics::new(&metrics);
        let anywhere = "127.0.0.1:0".parse().unwrap();
        let (address, serving) = serve(anywhere, metrics, move || process.refresh())
            .await
            .unwrap();
        let serving = tokio::spawn(serving);
        let found = ask(address, "GET /metrics?x=1 HTTP/1.1\r\nhost: a\r\n\r\n").await;
        assert!(found.starts_with("HTTP/1.1 200 OK\r\n"), "{found}");
        assert!(found.contains("process_cpu_seconds_total "), "{found}");
        assert!(found.contains(r#"insula_build_info{service="insula-agent",version="1.2.3"} 1"#));
        let nothing = ask(address, "GET / HTTP/1.1\r\n\r\n").await;
        assert!(nothing.starts_with("HTTP/1.1 404"), "{nothing}");
        let wrong = ask(address, "POST /metrics HTTP/1.1\r\n\r\n").await;
        assert!(wrong.starts_with("HTTP/1.1 405"), "{wrong}");
        serving.abort();
    }
}
