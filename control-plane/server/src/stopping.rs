//! How a control plane stops, in two phases.
//!
//! First nobody new is let in, and every connection ends with the request that it is at. Then, once
//! the last commit is through and its answers are out, whatever would go on for ever is ended:
//! followers, watchers, long waits.

use std::future::Future;

use tokio_util::sync::CancellationToken;

/// Shared by everything that has to know; cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Stopping {
    closing: CancellationToken,
    ending: CancellationToken,
}

impl Stopping {
    /// Begins the first phase.
    pub fn close(&self) {
        self.closing.cancel();
    }

    /// Begins the second phase, and the first if it has not begun.
    pub fn end(&self) {
        self.closing.cancel();
        self.ending.cancel();
    }

    /// Completes when nobody new is to be let in.
    pub async fn closing(&self) {
        self.closing.cancelled().await;
    }

    /// Completes when what would go on for ever is to end. Owns what it needs, so that it can end a
    /// stream.
    pub fn ending(&self) -> impl Future<Output = ()> + Send + use<> {
        self.ending.clone().cancelled_owned()
    }
}
