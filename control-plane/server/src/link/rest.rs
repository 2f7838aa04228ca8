//! The pauses between links that no owner answers on.

use std::time::Duration;

use tokio::time::Instant;

/// The pause after the first; doubles up to [`PAUSE_LAST`].
const PAUSE_FIRST: Duration = Duration::from_millis(50);
/// An owner that can be reached again is reached within this time.
const PAUSE_LAST: Duration = Duration::from_secs(1);

/// Keeps links from being opened without a break while the broker is away, by everybody who has
/// something to say.
#[derive(Debug, Default)]
pub(super) struct Rest {
    pause: Duration,
    until: Option<Instant>,
}

impl Rest {
    /// A link has ended on which nobody had answered.
    pub(super) fn begin(&mut self, now: Instant) {
        self.pause = (self.pause * 2).clamp(PAUSE_FIRST, PAUSE_LAST);
        self.until = Some(now + self.pause);
    }

    /// Whether it is too early for another.
    pub(super) fn lasts(&self, now: Instant) -> bool {
        self.until.is_some_and(|until| now < until)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_up_to_a_bound() {
        let mut now = Instant::now();
        let mut rest = Rest::default();
        assert!(!rest.lasts(now), "the first link is opened at once");
        for pause in [50, 100, 200, 400, 800, 1_000, 1_000].map(Duration::from_millis) {
            rest.begin(now);
            assert!(rest.lasts(now + pause - Duration::from_millis(1)));
            now += pause;
            assert!(!rest.lasts(now));
        }
    }
}
