//! Registrations that come late (rule R27).

use insula_types::{SessionId, Span, Time};

use super::Agent;

/// The longest that what an agent said may be on its way: a link between a gateway and the owner is
/// given up after less, and so is a connection on which nothing is acknowledged.
const LATE_MAX: Span = Span::from_secs(30);

impl Agent {
    /// Whether a registration was made before the agent's latest session was opened, and came late, over
    /// another gateway. Taken for news it would end the session that lives, and look like a work
    /// directory that was rolled back.
    ///
    /// Each registration is made at a later time of the agent's clock than whatever it said before.
    /// Only a new process of the agent may show an earlier one; if the machine's clock was set back
    /// meanwhile it has to wait until what the former process said last cannot be overtaken any more.
    pub(crate) fn has_left(&self, session: &SessionId, clock: Time, now: Time) -> bool {
        self.row.session != *session && clock < self.clock && now.since(self.heard) < LATE_MAX
    }
}
