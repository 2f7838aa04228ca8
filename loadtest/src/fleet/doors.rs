//! Where the agents of a fleet dial: a load balancer of the simplest kind.

use std::sync::Arc;

use tokio::sync::{Semaphore, SemaphorePermit};

use crate::error::Error;

/// Handshakes under way at a time. Agents that lose a replica dial at once here, where real ones have
/// machines and pauses of their own; more handshakes at a time would only wait for each other.
const DIALING_MAX: usize = 128;

/// The addresses of a control plane, and the one whose turn it is.
#[derive(Debug, Clone)]
pub(crate) struct Doors {
    all: Arc<[String]>,
    current: usize,
    dialing: Arc<Semaphore>,
}

impl Doors {
    /// The doors with these addresses, `host:port` each.
    ///
    /// # Errors
    /// [`Error::Arguments`] if there is none.
    pub(crate) fn new(all: impl IntoIterator<Item = String>) -> Result<Self, Error> {
        let all: Arc<[String]> = all.into_iter().collect();
        if all.is_empty() {
            return Err(Error::Arguments("agents need an address to dial"));
        }
        Ok(Self {
            all,
            current: 0,
            dialing: Arc::new(Semaphore::new(DIALING_MAX)),
        })
    }

    /// As the agent of that number begins: agents spread evenly.
    pub(super) fn begin_at(&self, number: usize) -> Self {
        let mut doors = self.clone();
        doors.current = number % self.all.len();
        doors
    }

    /// Where to dial now.
    pub(super) fn current(&self) -> &str {
        &self.all[self.current]
    }

    /// Goes on to the next door, after this one did not serve.
    pub(super) fn next(&mut self) {
        self.current = (self.current + 1) % self.all.len();
    }

    /// Waits for a turn to dial.
    pub(super) async fn turn(&self) -> Option<SemaphorePermit<'_>> {
        // The semaphore is never closed; if it were, nobody would have to wait.
        self.dialing.acquire().await.ok()
    }
}
