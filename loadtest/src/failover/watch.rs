//! Watching a cell come back, through a replica that lives.

use std::sync::Arc;
use std::time::{Duration, Instant};

use insula_client::Client;
use insula_types::{Epoch, Resources};
use tokio::time::timeout;

use crate::error::Error;
use crate::fleet::{Fleet, Tally};
use crate::report::Report;
use crate::site::{Site, until};

/// A request that takes longer is tried again.
const TRY: Duration = Duration::from_secs(5);

/// What to look at.
pub(super) struct Watch {
    /// Of a replica that lives.
    pub(super) client: Client,
    pub(super) fleet: Fleet,
    pub(super) tally: Arc<Tally>,
    /// What a new task needs.
    pub(super) resources: Resources,
    /// The partition, its former owner, and that one's epoch.
    pub(super) partition: u16,
    pub(super) owner: usize,
    pub(super) epoch: Epoch,
    /// Number of agents.
    pub(super) agents: u64,
    /// How long everything may take.
    pub(super) timeout: Duration,
}

impl Watch {
    /// Waits until everything is well again, and reports how long each part took since `began`.
    ///
    /// # Errors
    /// [`Error::TooLong`].
    pub(super) async fn until_well(
        &self,
        site: &Site,
        began: Instant,
        report: Report,
    ) -> Result<(), Error> {
        let took = |what: &str, took: Duration| report.took(what, took);
        tokio::try_join!(
            async {
                let (lease, owned) = self.owned(site, began).await?;
                took("until the former owner's lease is over", lease);
                took("until another owner is listed", owned);
                Ok::<_, Error>(())
            },
            async {
                took("until the cell is served", self.served(began).await?);
                Ok(())
            },
            async {
                let (accepted, started) = self.submitted(began).await?;
                took("until a new task is accepted", accepted);
                took("until a new task is started", started);
                Ok(())
            },
            async {
                let all = self.registered(began).await?;
                took("until all agents are registered again", all);
                Ok(())
            },
        )?;
        Ok(())
    }

    /// When the former owner was not the owner any more, and when another was.
    async fn owned(&self, site: &Site, began: Instant) -> Result<(Duration, Duration), Error> {
        let mut over = None;
        let look = async || {
            let looked = timeout(TRY, site.owner(&self.client, self.partition)).await;
            let owner = looked.ok()?.ok()?;
            if owner == Some(self.owner) {
                return None;
            }
            let over = *over.get_or_insert_with(|| began.elapsed());
            owner.map(|_| (over, began.elapsed()))
        };
        until(self.timeout, "another owner", look).await
    }

    /// When the kernel answered again.
    async fn served(&self, began: Instant) -> Result<Duration, Error> {
        let look = async || {
            let looked = timeout(TRY, self.client.frameworks()).await;
            looked.ok()?.ok().map(|_| began.elapsed())
        };
        until(self.timeout, "the cell to be served", look).await
    }

    /// When a new task was accepted, and when it was started.
    async fn submitted(&self, began: Instant) -> Result<(Duration, Duration), Error> {
        let submit = async || {
            let submitting = self.fleet.submit(&self.client, 1, &self.resources);
            match timeout(TRY, submitting).await.ok()? {
                Ok(ids) => Some(Ok((ids.concat(), began.elapsed()))),
                Err(error) if is_passing(&error) => None,
                Err(error) => Some(Err(error)),
            }
        };
        let (task, accepted) = until(self.timeout, "a new task to be accepted", submit).await??;
        let is_started = async || self.tally.seen(&task).map(|seen| seen.started);
        let started = until(self.timeout, "a new task to be started", is_started).await?;
        Ok((accepted, started.saturating_duration_since(began)))
    }

    /// When all agents were registered by a later ownership.
    async fn registered(&self, began: Instant) -> Result<Duration, Error> {
        let what = "all agents to be registered again";
        let registered = self.tally.wait_until(self.timeout, what, |counts| {
            counts.registered_after(self.epoch) >= self.agents
        });
        registered.await?;
        Ok(began.elapsed())
    }
}

/// Whether it is worth trying again: nobody could be asked, or nobody served.
fn is_passing(error: &Error) -> bool {
    match error {
        Error::Api(insula_client::Error::Refused(_, status)) => status.is_server_error(),
        Error::Api(_) => true,
        _ => false,
    }
}
