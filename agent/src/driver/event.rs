//! What the driver is told.

use std::time::SystemTime;

use insula_agent_core::Input;
use insula_types::message::ToAgent;
use insula_types::{Epoch, SessionId, TraceContext};
use tokio::sync::mpsc;

use crate::session::Outbound;
use crate::shepherd::StartSpec;

/// Events that wait for the driver. Whoever brings more waits: a session stops reading, which the
/// control plane sees as a slow connection, and an executor's socket fills.
const EVENTS_MAX: usize = 1_024;

/// Something that happened.
#[derive(Debug)]
pub(crate) enum Event {
    /// A session is open.
    Connected {
        /// Its nonce.
        session: SessionId,
        /// Where messages go.
        outbound: Outbound,
    },
    /// A session ended.
    Disconnected {
        /// Its nonce.
        session: SessionId,
    },
    /// The control plane said something for the core.
    Heard {
        /// The sender's epoch.
        epoch: Epoch,
        /// The session that it is for.
        session: SessionId,
        /// What.
        message: ToAgent,
        /// The trace that it belongs to; empty if a former control plane does not say.
        trace: TraceContext,
        /// When it came.
        arrived: SystemTime,
    },
    /// A wasm executor reported a task.
    Executor(Input),
    /// A process is needed beside the tasks: an executor.
    StartProcess(Box<StartSpec>),
    /// Such a process is to end at once, with all it started.
    KillProcess {
        /// Its id.
        id: String,
        /// The trace of what caused it.
        trace: TraceContext,
    },
}

/// The driver is gone: the agent stops.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stopped;

/// The way to the driver.
#[derive(Debug, Clone)]
pub(crate) struct Handle(mpsc::Sender<Event>);

impl Handle {
    pub(crate) fn new() -> (Self, mpsc::Receiver<Event>) {
        let (sender, receiver) = mpsc::channel(EVENTS_MAX);
        (Self(sender), receiver)
    }

    /// Waits until the driver can take the event.
    pub(crate) async fn send(&self, event: Event) -> Result<(), Stopped> {
        self.0.send(event).await.map_err(|_| Stopped)
    }
}
