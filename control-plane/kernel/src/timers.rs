//! What happens because time has passed.

use insula_types::Time;

use crate::Kernel;
use crate::out::Out;

impl Kernel {
    /// When [`crate::Input::Timer`] is due next; a time that has passed means at once.
    ///
    /// A driver steps what is queued first (rule R24): an agent's sign of life that waits in the
    /// queue must not be overtaken by the timer that declares it silent.
    #[must_use]
    pub fn next_timeout(&self) -> Option<Time> {
        let work = (!self.work.is_empty()).then_some(self.now);
        [
            work,
            self.allocation_due,
            self.allocator.next_filter_expiry(),
            self.offers.next_check().map(|(at, _)| at),
            self.next_silence_check(),
            self.frameworks.next_deadline().map(|(at, _)| at),
            self.next_waits_look(),
        ]
        .into_iter()
        .flatten()
        .min()
        .filter(|at| *at < Time::NEVER)
    }

    /// Does what is due, each at most a slice of it; if more is due, the next timeout is now.
    pub(crate) fn tick(&mut self, out: &mut Out) {
        self.do_work(out);
        self.check_silence(out);
        self.expire_framework(out);
        self.end_leases(out);
        self.allocate_if_due(out);
        self.tell_why_requests_wait(out);
    }
}
