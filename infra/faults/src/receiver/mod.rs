//! A receiver of OpenTelemetry's traces and metrics, over gRPC and over HTTP, on one port of loopback.
//!
//! It is what a collector is to a process that exports, and keeps what it gets as plain data. It can
//! also be what a collector is on a bad day: refuse, hang, or be away ([`Manner`]). [`Trace`] and
//! [`Received`] judge what has come.

mod received;
mod serve;
mod span;
mod trace;

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use http::HeaderMap;
use tokio::runtime::Runtime;
use tokio::sync::watch;

pub use received::{Orphan, Received};
pub use span::{Link, Noted, Span, SpanKind};
pub use trace::Trace;

/// How a receiver answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Manner {
    /// Takes what comes.
    Take,
    /// Accepts connections and requests, and never answers until its manner changes.
    Hang,
    /// Says that it is not available.
    Refuse,
}

/// One request that was taken.
#[derive(Debug, Clone)]
pub struct Export {
    /// With which headers, or metadata, it came.
    pub headers: HeaderMap,
    /// The spans in it.
    pub spans: Vec<Span>,
    /// The metrics in it: by which service, and which.
    pub metrics: Vec<(String, String)>,
}

/// See the module. It runs on threads of its own, so that a test may block; dropping it ends it, and
/// whoever exports finds nobody at its address.
#[derive(Debug)]
pub struct Receiver {
    address: SocketAddr,
    state: Arc<State>,
    runtime: Option<Runtime>,
}

/// What the services share with the test.
#[derive(Debug)]
struct State {
    manner: watch::Sender<Manner>,
    taken: Mutex<Vec<Export>>,
    /// Requests that came, taken or not.
    asked: watch::Sender<usize>,
}

impl Receiver {
    /// Starts one that takes what comes.
    ///
    /// # Panics
    /// If it cannot listen.
    #[must_use]
    pub fn start() -> Self {
        Self::start_as(Manner::Take)
    }

    /// Starts one with another manner.
    ///
    /// # Panics
    /// If it cannot listen.
    #[must_use]
    pub fn start_as(manner: Manner) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("receiver")
            .enable_all()
            .build();
        let runtime = runtime.unwrap_or_else(|error| panic!("cannot start a receiver: {error}"));
        let state = Arc::new(State {
            manner: watch::Sender::new(manner),
            taken: Mutex::default(),
            asked: watch::Sender::new(0),
        });
        let listener = serve::listen();
        let address = listener.local_addr();
        let address = address.unwrap_or_else(|error| panic!("a receiver has no port: {error}"));
        runtime.spawn(serve::serve(listener, Arc::clone(&state)));
        Self {
            address,
            state,
            runtime: Some(runtime),
        }
    }

    /// Its address, as `OTEL_EXPORTER_OTLP_ENDPOINT` wants it for either protocol.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Where spans are posted in OTLP over HTTP.
    #[must_use]
    pub fn traces_url(&self) -> String {
        format!("http://{}/v1/traces", self.address)
    }

    /// Answers otherwise from now on; what hangs is answered in the new manner.
    pub fn behave(&self, manner: Manner) {
        self.state.manner.send_replace(manner);
    }

    /// What it has taken, request by request.
    #[must_use]
    pub fn exports(&self) -> Vec<Export> {
        self.state.taken().clone()
    }

    /// How many requests have come, taken or not.
    #[must_use]
    pub fn asked(&self) -> usize {
        *self.state.asked.borrow()
    }

    /// The spans that it has taken.
    #[must_use]
    pub fn received(&self) -> Received {
        let taken = self.state.taken();
        Received::of(taken.iter().flat_map(|export| &export.spans).cloned())
    }

    /// Waits on this thread until what was taken is as wanted; whether it came to that in time.
    #[must_use]
    pub fn wait(&self, within: Duration, is_so: impl Fn(&[Export]) -> bool) -> bool {
        let end = std::time::Instant::now() + within;
        while !is_so(&self.state.taken()) {
            if std::time::Instant::now() > end {
                return false;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        true
    }
}

impl State {
    /// Nothing panics while it holds the lock.
    fn taken(&self) -> MutexGuard<'_, Vec<Export>> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}
