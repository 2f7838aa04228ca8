//! Requests of all interfaces on the one port.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Instant;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use bytes::Bytes;
use http_body::{Frame, SizeHint};
use insula_telemetry::metrics::{Metrics, OpenHistogram, table};

use crate::gateway::requests::{Route, method_name};

/// Measures requests; cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Requests {
    duration: OpenHistogram,
    open: Arc<AtomicUsize>,
}

/// One more is under way, for as long as this lives.
struct Open(Arc<AtomicUsize>);

/// A body that is under way until it has ended or was dropped.
struct Counted {
    body: Body,
    _open: Open,
}

impl Requests {
    pub(super) fn new(metrics: &Metrics) -> Self {
        Self {
            duration: metrics.open_histogram(&table::REQUEST_DURATION),
            open: Arc::default(),
        }
    }

    /// How many are under way, to the end of their answers.
    pub(super) fn open(&self) -> usize {
        self.open.load(Ordering::Relaxed)
    }
}

impl Open {
    fn one(open: &Arc<AtomicUsize>) -> Self {
        open.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(open))
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl http_body::Body for Counted {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// Measures one request.
pub(crate) async fn measure(
    State(requests): State<Requests>,
    request: Request,
    next: Next,
) -> Response {
    let begun = Instant::now();
    let open = Open::one(&requests.open);
    let method = method_name(request.method());
    let route = Route::of(request.extensions(), request.uri());
    let response = next.run(request).await;
    let status = response.status();
    let labels = [
        ("http.request.method", method),
        ("http.route", route.pattern),
        ("http.response.status_code", status.as_str()),
    ];
    requests.duration.took(&labels, begun.elapsed());
    response.map(|body| Body::new(Counted { body, _open: open }))
}
