//! Going on when the control plane, or the agent that has a task's output, was away for a while.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::exit::Failure;
use crate::output::Output;

/// How long something may be away: enough for a person to start a control plane again.
const AWAY_MAX: Duration = Duration::from_secs(120);
/// Time between two tries.
const PAUSE: Duration = Duration::from_millis(200);

/// Tries again what is the same when done twice, until it has failed for too long without a break.
///
/// For whoever has had an answer already: where there never was one, the address is wrong.
pub(crate) struct Patience<'a> {
    output: &'a Output,
    until: Option<Instant>,
}

impl<'a> Patience<'a> {
    pub(crate) fn new(output: &'a Output) -> Self {
        Self {
            output,
            until: None,
        }
    }

    /// There was an answer.
    pub(crate) fn renew(&mut self) {
        self.until = None;
    }

    /// Waits a moment if the failure may pass.
    ///
    /// # Errors
    /// The failure itself, if it will not, or has lasted for too long.
    pub(crate) async fn after(&mut self, failure: Failure) -> Result<(), Failure> {
        if !failure.is_passing() {
            return Err(failure);
        }
        let until = *self.until.get_or_insert_with(|| {
            self.output
                .talk(&format_args!("{}; trying again", failure.sentence()));
            Instant::now() + AWAY_MAX
        });
        if Instant::now() >= until {
            return Err(failure);
        }
        sleep(PAUSE).await;
        Ok(())
    }
}
