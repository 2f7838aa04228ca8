//! How long an owner may believe in its lease.

use insula_types::{Span, Time};

/// A lease as its owner sees it, by its own clock that runs on in a suspended machine (`CLOCK_BOOTTIME`),
/// since the owner cannot read the database's.
///
/// The store counts a lease's time from when it carried the renewal out; the owner counts from before it
/// was sent, so its own reckoning ends first. The margin covers clocks that run at different speeds and
/// what is on its way when the time is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tenure {
    until: Time,
}

impl Tenure {
    /// The lease was granted or renewed by a request that was sent at that time.
    #[must_use]
    pub fn granted(sent: Time, ttl: Span, margin: Span) -> Self {
        let span = Span(ttl.0.saturating_sub(margin.0));
        Self { until: sent + span }
    }

    /// Another renewal was granted; an answer that comes late never shortens the tenure.
    pub fn renew(&mut self, renewed: Self) {
        self.until = self.until.max(renewed.until);
    }

    /// Whether what may leave on the lease alone may leave now (rule R3).
    #[must_use]
    pub fn holds(self, now: Time) -> bool {
        now < self.until
    }

    /// When it ends without another renewal.
    #[must_use]
    pub fn until(self) -> Time {
        self.until
    }
}
