//! A clock that nobody sets and that does not stop.

use std::time::Duration;

use nix::time::{ClockId, clock_gettime};

/// The time since the machine was started, that in which it slept included.
///
/// It never runs backwards, and is the same for all processes.
pub fn since_boot() -> Duration {
    let time = clock_gettime(ClockId::CLOCK_BOOTTIME).expect("Linux has this clock since 2.6.39");
    Duration::from(time)
}

#[cfg(test)]
mod tests {
    use super::since_boot;

    #[test]
    fn it_never_runs_backwards() {
        let first = since_boot();
        assert!(!first.is_zero());
        assert!(since_boot() >= first);
    }
}
