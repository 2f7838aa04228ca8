//! A receiver of spans that counts them and forgets them.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::post;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use prost::Message;
use tokio::net::TcpListener;
use tokio_util::task::AbortOnDropHandle;

use crate::error::Error;

/// See the module. Closed when it is dropped.
pub(super) struct Sink {
    address: SocketAddr,
    spans: Arc<AtomicU64>,
    _serving: AbortOnDropHandle<()>,
}

impl Sink {
    /// Opens it on a port of its own.
    pub(super) async fn open() -> Result<Self, Error> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let spans = Arc::<AtomicU64>::default();
        let router = Router::new()
            .route("/v1/traces", post(take))
            .with_state(Arc::clone(&spans));
        let serving = tokio::spawn(async move {
            // Ends with this program.
            let _ = axum::serve(listener, router).await;
        });
        Ok(Self {
            address,
            spans,
            _serving: AbortOnDropHandle::new(serving),
        })
    }

    /// What `OTEL_EXPORTER_OTLP_ENDPOINT` says.
    pub(super) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Spans so far.
    pub(super) fn spans(&self) -> u64 {
        self.spans.load(Ordering::Relaxed)
    }
}

async fn take(State(spans): State<Arc<AtomicU64>>, body: Bytes) -> StatusCode {
    let Ok(request) = ExportTraceServiceRequest::decode(body) else {
        return StatusCode::BAD_REQUEST;
    };
    let scopes = request.resource_spans.iter().flat_map(|of| &of.scope_spans);
    let count: usize = scopes.map(|of| of.spans.len()).sum();
    spans.fetch_add(count as u64, Ordering::Relaxed);
    StatusCode::OK
}
