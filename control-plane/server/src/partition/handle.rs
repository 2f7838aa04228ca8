//! How gateways reach the driver.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use insula_kernel::{Input, Kernel, Outcome};
use insula_types::RequestId;
use insula_types::event::Event;
use tokio::sync::{broadcast, mpsc, oneshot};

use super::Sessions;

/// The driver does not answer: it is loading, stopping, or the store is away. Certainly nothing was
/// done, unless `uncertain` is set.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the scheduler of this cell is not available now; try again in a moment")]
pub struct Unavailable {
    /// Whether the input was handed over and its outcome is unknown (rule R16).
    pub uncertain: bool,
}

/// An event with the commit that made it true.
#[derive(Debug, Clone)]
pub struct Stamped {
    /// The commit's number.
    pub commit_no: u64,
    /// What happened.
    pub event: Event,
}

/// What is put in the driver's queue.
pub enum Request {
    /// An input that nobody waits for.
    Submit(Input),
    /// An input whose outcome somebody waits for.
    Ask(
        RequestId,
        Input,
        oneshot::Sender<Result<Outcome, Unavailable>>,
    ),
    /// A question about the live kernel.
    Query(Box<dyn FnOnce(&Kernel) + Send>),
}

/// A handle to the owner of a partition; cheap to clone.
#[derive(Debug, Clone)]
pub struct Handle {
    pub(super) requests: mpsc::Sender<Request>,
    pub(super) events: broadcast::Sender<Arc<Stamped>>,
    pub(super) sessions: Sessions,
    pub(super) request_ids: Arc<AtomicU64>,
}

impl Handle {
    /// Puts an input in; waits while the driver is behind.
    ///
    /// # Errors
    /// [`Unavailable`] if the driver has stopped.
    pub async fn submit(&self, input: Input) -> Result<(), Unavailable> {
        let sent = self.requests.send(Request::Submit(input)).await;
        sent.map_err(|_| Unavailable { uncertain: false })
    }

    /// Puts an input in and waits for its outcome, which comes once it may leave (rule R3).
    ///
    /// # Errors
    /// [`Unavailable`]; `uncertain` if the driver failed while the input was under way.
    pub async fn ask(
        &self,
        input: impl FnOnce(RequestId) -> Input,
    ) -> Result<Outcome, Unavailable> {
        let id = RequestId(self.request_ids.fetch_add(1, Ordering::Relaxed));
        let (answer, outcome) = oneshot::channel();
        let sent = self
            .requests
            .send(Request::Ask(id, input(id), answer))
            .await;
        sent.map_err(|_| Unavailable { uncertain: false })?;
        outcome
            .await
            .unwrap_or(Err(Unavailable { uncertain: true }))
    }

    /// Asks the live kernel, which may be ahead of the last commit: for explanations and volatile
    /// state only.
    ///
    /// # Errors
    /// [`Unavailable`] if the driver has stopped.
    pub async fn query<T: Send + 'static>(
        &self,
        question: impl FnOnce(&Kernel) -> T + Send + 'static,
    ) -> Result<T, Unavailable> {
        let (answer, result) = oneshot::channel();
        let ask = Request::Query(Box::new(move |kernel| {
            // Whoever asked may have gone away meanwhile.
            let _ = answer.send(question(kernel));
        }));
        let gone = |_| Unavailable { uncertain: false };
        self.requests
            .send(ask)
            .await
            .map_err(|_| Unavailable { uncertain: false })?;
        result.await.map_err(gone)
    }

    /// Events from now on. A watcher that falls behind by thousands misses some and is told so.
    #[must_use]
    pub fn events(&self) -> broadcast::Receiver<Arc<Stamped>> {
        self.events.subscribe()
    }

    /// The sessions that this process' gateways opened.
    #[must_use]
    pub fn sessions(&self) -> &Sessions {
        &self.sessions
    }
}
