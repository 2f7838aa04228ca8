//! The agent's clock.

use std::time::{Duration, SystemTime};

use insula_isolation::clock::since_boot;
use insula_types::Time;

/// The wall clock as it was when the agent started, and from then on the time that has passed: it
/// never runs backwards and counts while the machine sleeps, whatever is done to the wall clock.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Clock {
    wall_at_start: Duration,
    boot_at_start: Duration,
}

impl Clock {
    pub(crate) fn start() -> Self {
        let wall = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        Self {
            // A machine that believes to be before 1970 still has a clock that runs.
            wall_at_start: wall.unwrap_or_default(),
            boot_at_start: since_boot(),
        }
    }

    pub(crate) fn now(&self) -> Time {
        let elapsed = since_boot().saturating_sub(self.boot_at_start);
        let micros = (self.wall_at_start + elapsed).as_micros();
        Time(u64::try_from(micros).unwrap_or(u64::MAX))
    }

    /// How long to wait until `time`; nothing if it has come.
    pub(crate) fn until(&self, time: Time) -> Duration {
        time.since(self.now()).into()
    }
}
