//! The way to one owner.

use std::sync::Arc;
use std::time::Duration;

use insula_kernel::Input;
use insula_kernel::Outcome;
use insula_types::{CellId, Epoch, LinkId, PartitionId, ReplicaId, RequestId, TraceContext};
use tokio::sync::oneshot;
use tokio::time::{Instant, timeout_at};

use super::conversation::{Conversation, Reach};
use super::links::{Answer, Parcel, Put, Shared};
use super::wire::ToOwner;
use crate::partition::Unavailable;

/// How long an owner may take to answer the first word on a link before whoever has something to say
/// is told that it certainly was not said. An owner that lives answers within milliseconds.
const WELCOME_WITHIN: Duration = Duration::from_secs(2);

/// The way to the owner of a partition in one epoch; cheap to clone.
#[derive(Debug, Clone)]
pub struct Link {
    shared: Arc<Shared>,
    partition: PartitionId,
    epoch: Epoch,
    owner: ReplicaId,
}

impl Link {
    pub(super) fn new(
        shared: Arc<Shared>,
        partition: PartitionId,
        epoch: Epoch,
        owner: ReplicaId,
    ) -> Self {
        Self {
            shared,
            partition,
            epoch,
            owner,
        }
    }

    /// Puts an input in for a cell; waits while the owner is behind.
    ///
    /// # Errors
    /// [`Unavailable`] if the owner is not reached; the input was certainly not handed over.
    pub async fn submit(
        &self,
        cell: &CellId,
        trace: &TraceContext,
        input: Input,
    ) -> Result<(), Unavailable> {
        let link = self.ready(cell).await?;
        let parcel = parcel(cell, trace, None, input)?;
        self.send(&link, &parcel, &mut None).await
    }

    /// Puts an input in for a cell and waits for its outcome, which comes once it may leave (rule
    /// R3). The id that the input is made with is replaced by one of the owner.
    ///
    /// # Errors
    /// [`Unavailable`]; `uncertain` if the link ended while the input may have been applied.
    pub async fn ask(
        &self,
        cell: &CellId,
        trace: &TraceContext,
        input: impl FnOnce(RequestId) -> Input,
    ) -> Result<Outcome, Unavailable> {
        let link = self.ready(cell).await?;
        let number = |conversation: &mut Conversation<Answer>, _: &mut _| {
            conversation.number(&link, oneshot::Sender::is_closed)
        };
        let request = self
            .shared
            .with(self.partition, number)
            .ok_or_else(Unavailable::default)?;
        let parcel = parcel(cell, trace, Some(request), input(request))?;
        let (answer, outcome) = oneshot::channel();
        self.send(&link, &parcel, &mut Some((request, answer)))
            .await?;
        outcome
            .await
            .unwrap_or_else(|_| Err(Unavailable::uncertain()))
    }

    /// Whether the owner answers, after a moment of waiting for that. Opens the link if it is not.
    pub async fn is_reached(&self, cell: &CellId) -> bool {
        self.ready(cell).await.is_ok()
    }

    /// Whether the owner was heard of just now, as it must be for this replica to let frameworks
    /// believe in it (rule R17).
    #[must_use]
    pub fn is_fresh(&self) -> bool {
        self.shared.with(self.partition, |conversation, _| {
            conversation.epoch() == Some(self.epoch) && conversation.is_fresh(Instant::now())
        })
    }

    /// The link, once the owner has welcomed it.
    async fn ready(&self, cell: &CellId) -> Result<LinkId, Unavailable> {
        self.shared.with(self.partition, |conversation, _| {
            conversation.speaks_for(cell);
        });
        let deadline = Instant::now() + WELCOME_WITHIN;
        let mut changes = self.shared.changes();
        loop {
            changes.mark_unchanged();
            match self.shared.reach(self.partition, self.epoch) {
                Reach::Ready(link) => return Ok(link),
                Reach::Opening if self.is_up() => {}
                Reach::Opening | Reach::Resting | Reach::Outdated => {
                    return Err(Unavailable::default());
                }
            }
            // The sender is part of what this holds.
            if timeout_at(deadline, changes.changed()).await.is_err() {
                tracing::debug!(owner = %self.owner, "the owner of a partition does not answer");
                return Err(Unavailable::default());
            }
        }
    }

    /// Whether a link is open, or may be opened.
    fn is_up(&self) -> bool {
        self.shared.with(self.partition, |conversation, _| {
            conversation.epoch() == Some(self.epoch)
        })
    }

    async fn send(
        &self,
        link: &LinkId,
        parcel: &Parcel,
        ask: &mut Option<(RequestId, Answer)>,
    ) -> Result<(), Unavailable> {
        loop {
            match self.shared.put(link, parcel, ask) {
                Put::Sent => return Ok(()),
                Put::Full(room) => room.await,
                Put::Over => return Err(Unavailable::default()),
            }
        }
    }
}

/// An input for an owner. Nothing travels without a trace: what comes with none begins one.
pub(super) fn parcel(
    cell: &CellId,
    trace: &TraceContext,
    request: Option<RequestId>,
    input: Input,
) -> Result<Parcel, Unavailable> {
    let said = ToOwner::Input { request, input };
    let payload = said.encode().map_err(|error| Unavailable {
        uncertain: false,
        reason: Some(error.to_string().into()),
    })?;
    Ok(Parcel {
        cell: cell.clone(),
        trace: trace.or(&insula_telemetry::fresh()),
        payload,
    })
}
