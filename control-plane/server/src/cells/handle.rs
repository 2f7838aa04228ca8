//! One cell, wherever it is served.

use std::sync::Arc;
use std::time::Duration;

use insula_kernel::{Input, Kernel, Outcome};
use insula_telemetry::fresh;
use insula_types::message::{Message, Peer, ToAgent};
use insula_types::{AgentId, CellId, Epoch, PartitionId, ReplicaId, RequestId, TraceContext};
use tokio::time::{Instant, sleep_until, timeout, timeout_at};

use super::directory::Shared;
use crate::link::Link;
use crate::metrics::Measures;
use crate::partition::{self, Delivered, Session, Unavailable};
use crate::replica::{Owner, Owners};

/// How long whoever asks waits for a cell that nobody serves: longer than a partition takes to be
/// handed over, shorter than a person's patience. After a crash it takes longer, and is told.
const HIDDEN: Duration = Duration::from_secs(2);
/// How often it is looked whether a cell is served again while nothing announces it, such as one that
/// is being loaded.
const LOOK: Duration = Duration::from_millis(25);
/// Longest that an answer may take. An owner answers in milliseconds, or seconds while it is far
/// behind; beyond that whoever asked is told that the outcome is not known.
const ANSWER: Duration = Duration::from_secs(30);
/// An owner that does not answer a question within this time does not confirm anything.
const CONFIRMS: Duration = Duration::from_secs(5);

/// See the module. Cheap to clone.
#[derive(Clone)]
pub struct Handle {
    pub(super) shared: Arc<Shared>,
    pub(super) cell: CellId,
    pub(super) partition: PartitionId,
}

/// The way to the owner.
enum Way {
    Here(partition::Handle),
    There(Link),
}

impl Handle {
    /// Which cell.
    #[must_use]
    pub fn cell(&self) -> &CellId {
        &self.cell
    }

    /// What this process counts and measures.
    #[must_use]
    pub fn measures(&self) -> &Measures {
        self.shared.sessions.measures()
    }

    /// Who serves it now.
    #[must_use]
    pub fn owner(&self) -> Owner {
        self.shared.owners.of(self.partition)
    }

    /// The cell, if this process owns it.
    #[must_use]
    pub fn here(&self) -> Option<partition::Handle> {
        match self.owner() {
            Owner::Here(port) => port.cell(&self.cell),
            Owner::There { .. } | Owner::Nobody => None,
        }
    }

    /// Who serves it, after a moment of waiting for somebody who does.
    pub async fn settled(&self) -> Owner {
        let deadline = Instant::now() + HIDDEN;
        loop {
            if self.is_served() || !self.news(deadline).await {
                return self.owner();
            }
        }
    }

    /// Completes when this process does not own the cell any more. Owns what it needs, which is
    /// nothing of the store, so that it can end a task.
    pub fn moved(&self) -> impl Future<Output = ()> + Send + use<> {
        let (owners, partition) = (self.shared.owners.clone(), self.partition);
        async move {
            let is_elsewhere = |owners: &Owners| !matches!(owners.of(partition), Owner::Here(_));
            owners.until(is_elsewhere).await;
        }
    }

    /// Whether somebody serves it, as far as this replica knows.
    #[must_use]
    pub fn is_served(&self) -> bool {
        match self.owner() {
            Owner::Here(port) => port.cell(&self.cell).is_some(),
            Owner::There { .. } => true,
            Owner::Nobody => false,
        }
    }

    /// Whether whoever serves it hears this replica, after a moment of waiting for that.
    pub async fn is_reached(&self) -> bool {
        match self.way() {
            Ok(Way::Here(_)) => true,
            Ok(Way::There(link)) => link.is_reached(&self.cell).await,
            Err(_) => false,
        }
    }

    /// Opens a session of one of its peers. Open it before the input that makes the kernel speak to
    /// it.
    #[must_use]
    pub fn open(&self, peer: Peer) -> Session {
        self.shared.sessions.open(&self.cell, peer)
    }

    /// Ends one session after what it holds (rule R16).
    pub fn close(&self, peer: &Peer) {
        self.shared.sessions.close(&self.cell, peer);
    }

    /// Asks an agent to register again, since something that it said was lost.
    pub fn resync(&self, peer: &Peer) {
        let message = Message::ToAgent(ToAgent::Resync);
        let delivered = Delivered {
            epoch: Epoch::default(),
            trace: fresh(),
            message,
        };
        self.shared.sessions.deliver(&self.cell, peer, delivered);
    }

    /// Puts an input in; waits while the owner is behind.
    ///
    /// # Errors
    /// [`Unavailable`] if nobody serves the cell.
    pub async fn submit(&self, trace: &TraceContext, input: Input) -> Result<(), Unavailable> {
        match self.way()? {
            Way::Here(handle) => handle.submit(trace, input).await,
            Way::There(link) => link.submit(&self.cell, trace, input).await,
        }
    }

    /// Puts an input in and waits for its outcome, which comes once it may leave (rule R3).
    ///
    /// # Errors
    /// [`Unavailable`]; `uncertain` if the input was handed over and nothing was heard of it.
    pub async fn ask(
        &self,
        trace: &TraceContext,
        input: impl FnOnce(RequestId) -> Input,
    ) -> Result<Outcome, Unavailable> {
        // Whoever takes it numbers it anew.
        let input = input(RequestId(0));
        let deadline = Instant::now() + HIDDEN;
        loop {
            match self.ask_once(trace, input.clone()).await {
                Err(unavailable) if may_pass(&unavailable) => {
                    if !self.news(deadline).await {
                        return Err(unavailable);
                    }
                }
                answered => return answered,
            }
        }
    }

    async fn ask_once(&self, trace: &TraceContext, input: Input) -> Result<Outcome, Unavailable> {
        let way = self.way()?;
        let answered = async {
            match way {
                Way::Here(handle) => handle.ask(trace, |_| input).await,
                Way::There(link) => link.ask(&self.cell, trace, |_| input).await,
            }
        };
        timeout(ANSWER, answered)
            .await
            .unwrap_or_else(|_| Err(Unavailable::uncertain()))
    }

    /// Asks the live kernel of a cell that this process owns: for explanations and volatile state
    /// only. Requests that need it are forwarded to the owner before anybody asks here.
    ///
    /// # Errors
    /// [`Unavailable`] if this process does not own the cell, or its driver does not answer.
    pub async fn query<T: Send + 'static>(
        &self,
        question: impl FnOnce(&Kernel) -> T + Send + 'static,
    ) -> Result<T, Unavailable> {
        let here = self.here().ok_or_else(Unavailable::default)?;
        timeout(ANSWER, here.query(question))
            .await
            .unwrap_or_else(|_| Err(Unavailable::default()))
    }

    /// Whether the owner lives and speaks to this replica (rule R17).
    pub async fn is_confirmed(&self) -> bool {
        match self.way() {
            Ok(Way::Here(handle)) => {
                let asked = timeout(CONFIRMS, handle.query(|_| ()));
                asked.await.is_ok_and(|answered| answered.is_ok())
            }
            Ok(Way::There(link)) => link.is_fresh(),
            Err(_) => false,
        }
    }

    /// To which other replica an agent of a cell that this process owns is connected; nothing if it
    /// is connected here, or nowhere.
    #[must_use]
    pub fn agent_at(&self, agent: &AgentId) -> Option<ReplicaId> {
        self.here()?.agent_at(agent)
    }

    /// Where another replica is reached, if it is known.
    #[must_use]
    pub fn address_of(&self, replica: &ReplicaId) -> Option<String> {
        let membership = self.shared.owners.membership();
        Some(membership.replica(replica)?.advertise.clone())
    }

    fn way(&self) -> Result<Way, Unavailable> {
        match self.owner() {
            Owner::Here(port) => port.cell(&self.cell).map(Way::Here),
            Owner::There { replica, epoch, .. } => {
                let links = self.shared.links.as_ref();
                links.map(|links| Way::There(links.to(self.partition, epoch, &replica)))
            }
            Owner::Nobody => None,
        }
        .ok_or_else(Unavailable::default)
    }

    /// Waits until something may have changed; false if that would be past the deadline.
    async fn news(&self, deadline: Instant) -> bool {
        let now = Instant::now();
        if now >= deadline {
            return false;
        }
        let look = (now + LOOK).min(deadline);
        if matches!(self.owner(), Owner::Nobody) {
            let is_owned = |owners: &Owners| !matches!(owners.of(self.partition), Owner::Nobody);
            // Whoever begins to serve announces it, which takes a few milliseconds.
            let _ = timeout_at(look, self.shared.owners.until(is_owned)).await;
        } else {
            sleep_until(look).await;
        }
        true
    }
}

/// Whether trying again is harmless and may help.
fn may_pass(unavailable: &Unavailable) -> bool {
    !unavailable.uncertain && unavailable.reason.is_none()
}
