//! The end of an agent: tasks live on, or end with it.

use std::time::Duration;

use insula_agent_core::Input;
use insula_types::Span;
use tokio::time::{Instant, timeout_at};

use super::Driver;
use crate::Error;
use crate::options::ShutdownMode;

/// Time from the last signal to a task's end in the journal.
const ENDS_WITHIN: Duration = Duration::from_secs(5);
/// How long the last updates may take to be acknowledged; after that they wait for the next start.
const DELIVERED_WITHIN: Duration = Duration::from_secs(2);

impl Driver {
    pub(super) async fn stop(mut self, mode: ShutdownMode) -> Result<(), Error> {
        if mode == ShutdownMode::KillTasks {
            self.kill_tasks().await?;
        }
        self.until(Instant::now() + ENDS_WITHIN, |_| true).await?;
        if mode == ShutdownMode::KillTasks {
            self.executors.native.shut_down().await;
        }
        Ok(())
    }

    /// Kills all tasks, each with its own grace, and tells the control plane what it can.
    async fn kill_tasks(&mut self) -> Result<(), Error> {
        let longest = self.core.live().map(|task| task.plan.grace).max();
        let grace: Duration = longest.unwrap_or(Span::ZERO).into();
        self.step(Input::KillAll);
        let ended = Instant::now() + grace + ENDS_WITHIN;
        self.until(ended, |driver| driver.core.live().next().is_none())
            .await?;
        let delivered = Instant::now() + DELIVERED_WITHIN;
        let told = |driver: &Self| driver.session.is_none() || !driver.core.has_pending_updates();
        self.until(delivered, told).await
    }

    /// Goes on as usual until the condition holds and all that led to it is durable and done, or
    /// the time is over.
    async fn until(
        &mut self,
        deadline: Instant,
        holds: impl Fn(&Self) -> bool,
    ) -> Result<(), Error> {
        loop {
            self.carry_on();
            if holds(self) && self.pending.is_empty() && self.writer.is_idle() {
                return Ok(());
            }
            match timeout_at(deadline, self.happened()).await {
                Ok(happened) => happened?,
                Err(_elapsed) => return Ok(()),
            }
        }
    }
}
