//! Kernel time (rule R6).

use std::time::Instant;

use insula_types::Time;

/// The store's clock as it was when the partition was taken, and what has passed since.
///
/// What has passed is told by `CLOCK_MONOTONIC`, which stands still while the machine sleeps. With a
/// lock for a lease that is right: after a sleep nothing seems to have timed out, and no agent is held
/// silent for time in which nobody could have heard it (rule R24). With a lease that others may take,
/// a sleep that matters ends the lease, which is reckoned by `CLOCK_BOOTTIME`; this clock never decides
/// about one.
#[derive(Debug, Clone, Copy)]
pub(super) struct Clock {
    taken: Time,
    since: Instant,
}

impl Clock {
    /// Starts at the store's clock, but not below the latest time that was persisted.
    pub(super) fn start(store: Time, persisted: Time) -> Self {
        Self {
            taken: store.max(persisted),
            since: Instant::now(),
        }
    }

    pub(super) fn now(&self) -> Time {
        self.taken + self.since.elapsed().into()
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
