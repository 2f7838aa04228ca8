//! Where released effects go. Nothing here ever waits (rule R12).

use std::collections::HashMap;
use std::sync::Arc;

use insula_kernel::{Effect, Outcome};
use insula_pipeline::Released;
use insula_types::event::EventKind;
use insula_types::{Epoch, RequestId};
use tokio::sync::{broadcast, oneshot};

use super::{Delivered, Sessions, Stamped, Unavailable};

/// How the answer to one request finds the way back.
pub(super) type Answer = oneshot::Sender<Result<Outcome, Unavailable>>;

/// Everybody whom the driver may have something to tell.
#[derive(Debug)]
pub(super) struct Outputs {
    pub(super) sessions: Sessions,
    pub(super) events: broadcast::Sender<Arc<Stamped>>,
    /// As many as there are requests in the pipeline, whose bound is theirs.
    waiting: HashMap<RequestId, Answer>,
}

impl Outputs {
    pub(super) fn new(sessions: Sessions, events: broadcast::Sender<Arc<Stamped>>) -> Self {
        Self {
            sessions,
            events,
            waiting: HashMap::new(),
        }
    }

    /// Remembers who waits for the answer to a request.
    pub(super) fn expect(&mut self, request: RequestId, answer: Answer) {
        self.waiting.insert(request, answer);
    }

    /// Lets an effect out.
    pub(super) fn release(&mut self, epoch: Epoch, released: Released) {
        match released.effect {
            Effect::Send(peer, message) => {
                self.sessions.deliver(&peer, Delivered { epoch, message });
            }
            Effect::Publish(event) => {
                if let EventKind::Alarm { sentence } = &event.kind {
                    tracing::warn!(%sentence, "alarm");
                }
                let commit_no = released.commit_no;
                // Without a watcher there is nobody to tell.
                let _ = self.events.send(Arc::new(Stamped { commit_no, event }));
            }
            Effect::Reply(request, outcome) => {
                if let Some(answer) = self.waiting.remove(&request) {
                    // Whoever asked may have gone away meanwhile.
                    let _ = answer.send(Ok(outcome));
                }
            }
            Effect::Persist(_) => debug_assert!(false, "the pipeline keeps what it persists"),
        }
    }

    /// After a failure: tells everybody who waits, and ends every session, since what the kernel in
    /// memory said or would have said may never become true (rule R17).
    pub(super) fn fail(&mut self, uncertain: bool) {
        for (_, answer) in self.waiting.drain() {
            let _ = answer.send(Err(Unavailable { uncertain }));
        }
        self.sessions.close_all();
    }
}
