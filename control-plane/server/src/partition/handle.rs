//! How gateways of the same process reach the driver.

use std::sync::{Arc, OnceLock};

use insula_kernel::{Input, Kernel, Outcome};
use insula_telemetry::names::span::QUERY;
use insula_telemetry::{Kind, Span};
use insula_types::event::Event;
use insula_types::{AgentId, CellId, ReplicaId, RequestId, TraceContext};
use tokio::sync::{broadcast, mpsc, oneshot};

use super::CellSessions;
use super::credits::{Credit, Credits};
use super::traces::process;
use super::whereabouts::Whereabouts;

/// Events that a watcher may fall behind by before it misses some; a few megabytes at most.
const EVENTS_MAX: usize = 16_384;

/// The driver does not answer: it is loading, stopping, or the store is away. Certainly nothing was
/// done, unless `uncertain` is set.
#[derive(Debug, Clone, Default, PartialEq, Eq, thiserror::Error)]
#[error("{}", .reason.as_deref().unwrap_or("the scheduler of this cell is not available now; try again in a moment"))]
pub struct Unavailable {
    /// Whether the input was handed over and its outcome is unknown (rule R16).
    pub uncertain: bool,
    /// Why, if there is more to say than that it will pass; a sentence.
    pub reason: Option<Arc<str>>,
}

impl Unavailable {
    /// The outcome of an input that was handed over is unknown.
    #[must_use]
    pub fn uncertain() -> Self {
        Self {
            uncertain: true,
            reason: None,
        }
    }
}

/// An event with the commit that made it true.
#[derive(Debug, Clone)]
pub struct Stamped {
    /// The commit's number.
    pub commit_no: u64,
    /// What happened.
    pub event: Event,
}

/// The events of a cell. The queue is made with the first watcher: most cells have none.
#[derive(Debug, Clone, Default)]
pub(super) struct Events(Arc<OnceLock<broadcast::Sender<Arc<Stamped>>>>);

impl Events {
    fn watch(&self) -> broadcast::Receiver<Arc<Stamped>> {
        let sender = self.0.get_or_init(|| broadcast::channel(EVENTS_MAX).0);
        sender.subscribe()
    }

    pub(super) fn publish(&self, stamped: Stamped) {
        if let Some(sender) = self.0.get() {
            // Without a watcher there is nobody to tell.
            let _ = sender.send(Arc::new(stamped));
        }
    }
}

/// How the answer to one request finds the way back in this process.
pub(super) type Answer = oneshot::Sender<Result<Outcome, Unavailable>>;

/// A question about the live kernel.
pub(super) type Question = Box<dyn FnOnce(&Kernel) + Send>;

/// What is asked of a cell.
pub(super) enum Asked {
    /// An input, and who waits for its outcome.
    Input(Box<Input>, Option<Answer>),
    /// A question.
    Query(Question),
}

/// What is put in the driver's queue. The queue itself has no bound, but every request in it holds a
/// credit of its cell.
pub(super) struct Request {
    pub(super) cell: CellId,
    pub(super) asked: Asked,
    /// From the moment it was put in the queue.
    pub(super) span: Span,
    pub(super) credit: Credit,
}

/// A handle to one cell of a partition that this process owns; cheap to clone.
#[derive(Debug, Clone)]
pub struct Handle {
    pub(super) requests: mpsc::UnboundedSender<Request>,
    pub(super) credits: Credits,
    pub(super) events: Events,
    pub(super) sessions: CellSessions,
    pub(super) whereabouts: Whereabouts,
}

impl Handle {
    /// Which cell it is.
    #[must_use]
    pub fn cell(&self) -> &CellId {
        &self.sessions.cell
    }

    /// Puts an input in, which belongs to a trace; waits while the cell is behind.
    ///
    /// # Errors
    /// [`Unavailable`] if the driver has stopped.
    pub async fn submit(&self, trace: &TraceContext, input: Input) -> Result<(), Unavailable> {
        let credit = self.credits.take(&input).await;
        self.put(trace, Asked::Input(Box::new(input), None), credit)
    }

    /// Puts an input in and waits for its outcome, which comes once it may leave (rule R3). The id
    /// that the input is made with is replaced by one of the driver.
    ///
    /// # Errors
    /// [`Unavailable`]; `uncertain` if the driver failed while the input was under way.
    pub async fn ask(
        &self,
        trace: &TraceContext,
        input: impl FnOnce(RequestId) -> Input,
    ) -> Result<Outcome, Unavailable> {
        let input = input(RequestId(0));
        let credit = self.credits.take(&input).await;
        let (answer, outcome) = oneshot::channel();
        self.put(trace, Asked::Input(Box::new(input), Some(answer)), credit)?;
        outcome
            .await
            .unwrap_or_else(|_| Err(Unavailable::uncertain()))
    }

    /// Asks the live kernel, which may be ahead of the last commit: for explanations and volatile
    /// state only.
    ///
    /// # Errors
    /// [`Unavailable`] if the driver has stopped, or the cell is not loaded.
    pub async fn query<T: Send + 'static>(
        &self,
        question: impl FnOnce(&Kernel) -> T + Send + 'static,
    ) -> Result<T, Unavailable> {
        let credit = self.credits.take_for_question().await;
        let (answer, result) = oneshot::channel();
        let question = Asked::Query(Box::new(move |kernel| {
            // Whoever asked may have gone away meanwhile.
            let _ = answer.send(question(kernel));
        }));
        self.put(&TraceContext::default(), question, credit)?;
        result.await.map_err(|_| Unavailable::default())
    }

    fn put(
        &self,
        trace: &TraceContext,
        asked: Asked,
        credit: Option<Credit>,
    ) -> Result<(), Unavailable> {
        let span = match &asked {
            Asked::Input(input, _) => Span::begin(process(input), Kind::Internal, trace),
            Asked::Query(_) => Span::begin(QUERY, Kind::Internal, trace),
        };
        let request = Request {
            cell: self.sessions.cell.clone(),
            asked,
            span,
            credit: credit.ok_or_else(Unavailable::default)?,
        };
        let sent = self.requests.send(request);
        sent.map_err(|_| Unavailable::default())
    }

    /// Events of the cell from now on. A watcher that falls behind by thousands misses some and is
    /// told so.
    #[must_use]
    pub fn events(&self) -> broadcast::Receiver<Arc<Stamped>> {
        self.events.watch()
    }

    /// The cell's sessions that this process' gateways opened.
    #[must_use]
    pub fn sessions(&self) -> &CellSessions {
        &self.sessions
    }

    /// The other replica that an agent is connected to; nothing if that is this one, or the agent is
    /// not connected.
    #[must_use]
    pub fn agent_at(&self, agent: &AgentId) -> Option<ReplicaId> {
        self.whereabouts.of(self.cell(), agent)
    }
}
