//! Stopping a guest from outside.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use tokio::sync::Notify;
use wasmtime::UpdateDeadline;

/// Why a guest was stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Interrupted {
    /// Somebody asked for it.
    #[error("killed")]
    Killed,
    /// Its time is over.
    #[error("wall time limit reached")]
    WallTime,
}

/// A request to stop one task, which may come before the task runs. Clones share it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Stop(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    requested: AtomicBool,
    wake: Notify,
}

impl Stop {
    /// Asks the task to stop, now and for good.
    pub(crate) fn request(&self) {
        self.0.requested.store(true, Ordering::Release);
        // One task waits, and a permit is kept for it if it does not wait yet.
        self.0.wake.notify_one();
    }

    /// Whether `request` was called.
    pub(crate) fn requested(&self) -> bool {
        self.0.requested.load(Ordering::Acquire)
    }

    /// Waits for `request`. Cancel safe, for one waiter.
    pub(crate) async fn wait(&self) {
        while !self.requested() {
            self.0.wake.notified().await;
        }
    }

    /// What a running guest is told at the end of its time slice.
    ///
    /// # Errors
    /// `Interrupted`, when it should not go on; raised in the guest, so that the backtrace shows
    /// where it was.
    pub(super) fn at_tick(&self, deadline: Option<Instant>) -> wasmtime::Result<UpdateDeadline> {
        if self.requested() {
            return Err(Interrupted::Killed.into());
        }
        if deadline.is_some_and(|deadline| Instant::now() >= deadline) {
            return Err(Interrupted::WallTime.into());
        }
        // Tokio's own way to yield lets timers and sockets have their turn, too.
        Ok(UpdateDeadline::YieldCustom(
            1,
            Box::pin(tokio::task::yield_now()),
        ))
    }

    /// Waits until the guest must stop: at `deadline` or by request. Cancel safe.
    pub(super) async fn due(&self, deadline: Option<Instant>) -> Interrupted {
        let Some(deadline) = deadline else {
            self.wait().await;
            return Interrupted::Killed;
        };
        let left = deadline.saturating_duration_since(Instant::now());
        match tokio::time::timeout(left, self.wait()).await {
            Ok(()) => Interrupted::Killed,
            Err(_) => Interrupted::WallTime,
        }
    }
}

/// The moment `wall` after `start`; a wall time beyond the clock's range is none.
pub(super) fn deadline(start: Instant, wall: Option<Duration>) -> Option<Instant> {
    wall.and_then(|wall| start.checked_add(wall))
}
