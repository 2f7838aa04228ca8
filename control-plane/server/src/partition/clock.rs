//! Kernel time (rule R6).

use std::time::Instant;

use insula_types::Time;

/// The store's clock as it was at a load, and what has passed since.
///
/// What has passed is told by `CLOCK_MONOTONIC`, which stands still while the machine sleeps. That is
/// right as long as owner and store are one process: after a sleep nothing seems to have timed out,
/// and no agent is held silent for time in which nobody could have heard it (rule R24). Leases that
/// others may take meanwhile need `CLOCK_BOOTTIME` for their own deadline; this clock never decides
/// about a lease.
#[derive(Debug)]
pub(super) struct Clock {
    loaded: Time,
    since: Instant,
}

impl Clock {
    /// Starts at the store's clock, but not below the latest time that was persisted.
    pub(super) fn start(store: Time, persisted: Time) -> Self {
        Self {
            loaded: store.max(persisted),
            since: Instant::now(),
        }
    }

    pub(super) fn now(&self) -> Time {
        self.loaded + self.since.elapsed().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_never_starts_below_what_was_persisted() {
        assert!(Clock::start(Time(5), Time(900)).now() >= Time(900));
        assert!(Clock::start(Time(900), Time(5)).now() >= Time(900));
    }
}
