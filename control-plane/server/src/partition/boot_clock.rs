//! The clock that leases are reckoned by.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

use insula_types::Time;

/// The time since the machine was started, which runs on while it is suspended (`CLOCK_BOOTTIME`): an
/// owner that slept must not believe in a lease that ended meanwhile (rule R3).
///
/// Read from `/proc/uptime`, which is that clock in hundredths of a second; margins of leases are
/// longer.
#[derive(Debug)]
pub struct BootClock {
    uptime: File,
}

impl BootClock {
    /// Opens the clock.
    ///
    /// # Errors
    /// If the machine does not show it.
    pub fn open() -> io::Result<Self> {
        let clock = Self {
            uptime: File::open("/proc/uptime")?,
        };
        let unreadable = || io::Error::other("/proc/uptime does not begin with a number");
        clock.read().ok_or_else(unreadable)?;
        Ok(clock)
    }

    /// The time; the end of all time if it cannot be told any more, so that no lease holds.
    #[must_use]
    pub fn now(&self) -> Time {
        self.read().unwrap_or(Time::NEVER)
    }

    fn read(&self) -> Option<Time> {
        let mut buffer = [0; 64];
        let length = self.uptime.read_at(&mut buffer, 0).ok()?;
        let text = std::str::from_utf8(buffer.get(..length)?).ok()?;
        parse(text.split_ascii_whitespace().next()?)
    }
}

/// Seconds with two digits after the point, in microseconds.
fn parse(seconds: &str) -> Option<Time> {
    let (whole, hundredths) = seconds.split_once('.')?;
    let (whole, hundredths): (u64, u64) = (whole.parse().ok()?, hundredths.parse().ok()?);
    Some(Time(
        whole
            .checked_mul(1_000_000)?
            .checked_add(hundredths * 10_000)?,
    ))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_clock_is_read_and_never_runs_backwards() {
        assert_eq!(parse("350735.47"), Some(Time(350_735_470_000)));
        assert_eq!(parse("soon"), None);
        let clock = BootClock::open().unwrap();
        let first = clock.now();
        assert!(first < Time::NEVER && clock.now() >= first);
    }
}
