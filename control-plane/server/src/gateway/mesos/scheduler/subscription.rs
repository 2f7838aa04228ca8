//! A framework's session, and the kernel's knowledge of its end.

use insula_kernel::Input;
use insula_kernel::input::Cause;
use insula_types::message::Peer;
use insula_types::{FrameworkKey, SessionId, TraceContext};

use crate::cells::Handle;
use crate::metrics::Measures;
use crate::partition::{Delivered, Session};

/// An open subscription. Dropping it tells the kernel that the framework has disconnected, unless it
/// was the kernel that ended it.
pub(super) struct Subscription {
    handle: Handle,
    framework: FrameworkKey,
    id: SessionId,
    session: Session,
    /// The trace of the session, in which there is what is said about no task.
    trace: TraceContext,
    ended_by_us: bool,
}

impl Subscription {
    /// Opens a session. What the kernel says in it waits until it is read.
    pub(super) fn open(
        handle: &Handle,
        framework: FrameworkKey,
        id: SessionId,
        trace: TraceContext,
    ) -> Self {
        let session = handle.open(Peer::Framework {
            framework: framework.clone(),
            session: id.clone(),
        });
        Self {
            handle: handle.clone(),
            framework,
            id,
            session,
            trace,
            ended_by_us: false,
        }
    }

    /// Waits for messages, up to `most` at once; none once the session was ended. Cancel-safe.
    pub(super) async fn next_many(&mut self, into: &mut Vec<Delivered>, most: usize) -> usize {
        let count = self.session.next_many(into, most).await;
        // One that was closed has an owner that failed or stopped: the framework is not to blame,
        // and its failover timer must not start (rule R18).
        self.ended_by_us = count == 0 && !self.session.was_cut();
        count
    }

    /// Says that there is nothing to disconnect: the kernel refused the session or ended it.
    pub(super) fn forget(&mut self) {
        self.ended_by_us = true;
    }

    /// What this process counts and measures.
    pub(super) fn measures(&self) -> &Measures {
        self.handle.measures()
    }

    /// Whether the owner of the cell still answers (rule R17).
    pub(super) async fn is_confirmed(&self) -> bool {
        self.handle.is_confirmed().await
    }

    /// Tells the kernel that all before a mark has been handed to the connection. There is at most one
    /// on its way, and if this one is lost, so is the session.
    pub(super) fn reached(&self, mark: u64) {
        self.tell(Input::MarkReached {
            framework: self.framework.clone(),
            session: self.id.clone(),
            mark,
        });
    }

    /// Puts an input in without waiting for a place in the queue: there is one mark and one end at a
    /// time for each subscription.
    fn tell(&self, input: Input) {
        // Without a runtime the process is ending, which is not the framework's doing either.
        let Ok(runtime) = tokio::runtime::Handle::try_current() else {
            return;
        };
        let (handle, trace) = (self.handle.clone(), self.trace.clone());
        runtime.spawn(async move {
            // An owner that has stopped has no sessions that could go on or end.
            let _ = handle.submit(&trace, input).await;
        });
    }

    /// Whose session it is.
    pub(super) fn framework(&self) -> &FrameworkKey {
        &self.framework
    }

    /// The id of the session, which is the `Mesos-Stream-Id`.
    pub(super) fn id(&self) -> &SessionId {
        &self.id
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        if self.ended_by_us {
            return;
        }
        self.tell(Input::FrameworkDisconnected {
            framework: self.framework.clone(),
            session: self.id.clone(),
            cause: Cause::ByPeer,
        });
    }
}
