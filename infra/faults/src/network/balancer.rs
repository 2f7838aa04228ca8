//! One address for all replicas, as a load balancer that passes TLS through.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use super::Proxy;
use crate::http::Http;

/// Time between two looks at a replica.
const LOOK: Duration = Duration::from_millis(100);
/// How long a healthy replica may take to say that it is ready.
const ANSWER: Duration = Duration::from_millis(500);

/// Gives each new connection to the next replica that says it is ready.
#[derive(Debug)]
pub struct Balancer {
    proxy: Proxy,
    replicas: Arc<Replicas>,
    looking: JoinHandle<()>,
}

#[derive(Debug, Default)]
struct Replicas {
    all: Mutex<Vec<SocketAddr>>,
    ready: Mutex<Vec<SocketAddr>>,
    next: AtomicUsize,
}

impl Balancer {
    /// Balances over nobody; replicas come with [`Self::set`].
    ///
    /// # Panics
    /// If there is no free port.
    pub async fn start() -> Self {
        let replicas = Arc::new(Replicas::default());
        let ready = Arc::clone(&replicas);
        Self {
            proxy: Proxy::by(Arc::new(move || ready.next())).await,
            looking: tokio::spawn(look(Arc::clone(&replicas))),
            replicas,
        }
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.proxy.address()
    }

    /// Over whom it balances from now on. Connections that there are stay.
    pub fn set(&self, replicas: Vec<SocketAddr>) {
        *self
            .replicas
            .all
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = replicas;
    }
}

impl Drop for Balancer {
    fn drop(&mut self) {
        self.looking.abort();
    }
}

impl Replicas {
    fn next(&self) -> Option<SocketAddr> {
        let ready = self.ready.lock().unwrap_or_else(PoisonError::into_inner);
        let turn = self.next.fetch_add(1, Ordering::Relaxed);
        ready.get(turn.checked_rem(ready.len())?).copied()
    }
}

async fn look(replicas: Arc<Replicas>) {
    loop {
        let all = replicas
            .all
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        // One after another: a replica that is frozen costs the others half a second.
        let mut ready = Vec::new();
        for replica in all {
            if is_ready(replica).await {
                ready.push(replica);
            }
        }
        *replicas
            .ready
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = ready;
        sleep(LOOK).await;
    }
}

/// Whether a replica says that it takes connections.
pub(crate) async fn is_ready(replica: SocketAddr) -> bool {
    let asked = timeout(ANSWER, Http::at(replica).get("/ready")).await;
    asked.is_ok_and(|reply| reply.status() == Some(200))
}
