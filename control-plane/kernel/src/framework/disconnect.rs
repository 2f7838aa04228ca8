//! A framework goes away, and its time to come back runs.

use insula_types::event::{EventKind, Rescinded};
use insula_types::record::{FrameworkState, Record};
use insula_types::{FrameworkKey, SessionId, Span};

use crate::Kernel;
use crate::allocator::FrameworkIdx;
use crate::framework::Link;
use crate::input::Cause;
use crate::out::Out;

impl Kernel {
    /// The session ended: by the client's doing its time to come back runs and is a row; by ours it
    /// has at least the grace, and the row still says that it is subscribed (rule R18). A session that
    /// waited to succeed it does so.
    pub(crate) fn framework_disconnected(
        &mut self,
        key: &FrameworkKey,
        session: &SessionId,
        cause: Cause,
        out: &mut Out,
    ) {
        let Some(idx) = self.frameworks.find(key) else {
            return;
        };
        if self.frameworks.get(idx).session() != Some(session) {
            self.take_successor(idx, Some(session));
            return;
        }
        self.withdraw_offers(idx, out);
        self.allocator.set_framework_active(idx, false);
        self.announce(
            EventKind::FrameworkDisconnected {
                framework: key.clone(),
            },
            out,
        );
        if let Some(successor) = self.take_successor(idx, None) {
            self.begin_session(idx, false, successor, out);
            return;
        }
        if cause == Cause::ByUs {
            let deadline = self.now;
            self.frameworks.set_link(idx, Link::Away { deadline });
            self.excuse_framework(idx);
            return;
        }
        let Some(client) = self.frameworks.get_mut(idx).client_mut() else {
            return;
        };
        let patience = client.row.info.failover_timeout;
        if patience == Span::ZERO {
            self.remove_framework(idx, out);
            return;
        }
        let deadline = self.now + patience;
        client.row.state = FrameworkState::Disconnected { deadline };
        out.persist(Record::Framework(Box::new(client.row.clone())));
        self.frameworks.set_link(idx, Link::Away { deadline });
    }

    /// A framework that is away has at least the grace to come back from now on, and its full time if
    /// it was not the one who closed its connection.
    pub(crate) fn excuse_framework(&mut self, idx: FrameworkIdx) {
        let framework = self.frameworks.get(idx);
        let (Some(before), Some(client)) = (framework.deadline(), framework.client()) else {
            return;
        };
        let deadline = before.max(self.now + client.patience(self.config.outage_grace));
        self.frameworks.set_link(idx, Link::Away { deadline });
    }

    /// Removes the frameworks that did not come back in time; one per step.
    pub(crate) fn expire_framework(&mut self, out: &mut Out) {
        let due = self
            .frameworks
            .next_deadline()
            .filter(|(deadline, _)| *deadline <= self.now);
        if let Some((_, idx)) = due {
            self.remove_framework(idx, out);
        }
    }

    /// Takes back everything that the framework was offered, without a word to it.
    pub(crate) fn withdraw_offers(&mut self, idx: FrameworkIdx, out: &mut Out) {
        let tags: Vec<_> = self.frameworks.get(idx).offers.iter().copied().collect();
        for tag in tags {
            if self.return_offer(tag).is_some() {
                self.count_rescinded(idx, Rescinded::SessionOver, out);
            }
        }
    }
}
