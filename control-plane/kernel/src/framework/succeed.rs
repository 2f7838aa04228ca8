//! A framework subscribes while an earlier session of it stands.
//!
//! What a gateway hands on may have lain there: it was stopped, or its link was slow. Such a SUBSCRIBE
//! may be older than the session that stands, and its connection long over. So it displaces nobody
//! before its gateway has said that the stream is there; if the connection is over, its end is heard
//! instead (ADR 12).

use insula_types::message::{THERE, ToFramework};
use insula_types::{FrameworkKey, SessionId};

use crate::Kernel;
use crate::allocator::FrameworkIdx;
use crate::input::Subscribe;
use crate::out::Out;

/// What Mesos says to a session that another one displaces.
const DISPLACED: &str = "Framework failed over";

impl Kernel {
    /// Asks the gateway whether the new session's stream is there. Of several that wait the newest
    /// stays.
    pub(crate) fn await_successor(
        &mut self,
        idx: FrameworkIdx,
        subscribe: Subscribe,
        out: &mut Out,
    ) {
        self.dismiss_successor(idx, DISPLACED, out);
        let framework = self.frameworks.get_mut(idx);
        let peer = framework.peer_in(&subscribe.session);
        if let Some(client) = framework.client_mut() {
            client.successor = Some(Box::new(subscribe));
            out.tell_framework(peer, ToFramework::Mark(THERE));
        }
    }

    /// The successor's stream is there: the session that stood is told so and ends.
    pub(crate) fn succeed(&mut self, key: &FrameworkKey, session: &SessionId, out: &mut Out) {
        let Some(idx) = self.frameworks.find(key) else {
            return;
        };
        let Some(successor) = self.take_successor(idx, Some(session)) else {
            return;
        };
        self.withdraw_offers(idx, out);
        if let Some(peer) = self.frameworks.get(idx).peer() {
            out.tell_framework(peer, ToFramework::Error(DISPLACED.to_owned()));
        }
        self.begin_session(idx, false, successor, out);
    }

    /// Takes the subscription that waits, if it is that of the session or any will do.
    pub(crate) fn take_successor(
        &mut self,
        idx: FrameworkIdx,
        session: Option<&SessionId>,
    ) -> Option<Subscribe> {
        let client = self.frameworks.get_mut(idx).client_mut()?;
        let successor = &mut client.successor;
        let taken = successor.take_if(|its| session.is_none_or(|id| *id == its.session));
        taken.map(|successor| *successor)
    }

    /// Ends the stream of the subscription that waits with a sentence.
    pub(crate) fn dismiss_successor(&mut self, idx: FrameworkIdx, sentence: &str, out: &mut Out) {
        if let Some(successor) = self.take_successor(idx, None) {
            let peer = self.frameworks.get(idx).peer_in(&successor.session);
            out.tell_framework(peer, ToFramework::Error(sentence.to_owned()));
        }
    }
}
