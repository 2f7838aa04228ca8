//! How many inputs of a cell may wait (rule R12).

use std::sync::Arc;

use insula_kernel::Input;
use insula_kernel::input::Call;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Requests of one cell that may wait for the driver: about a tenth of a second of its work. Beyond
/// that whoever sends one waits, which is the back-pressure of the whole gateway.
pub(super) const REQUESTS_MAX: usize = 4_096;

/// What a flood of requests cannot keep out: what agents say, acknowledgements, and the ends of
/// sessions. These make room, where requests take it.
const RESERVED_MAX: usize = 4_096;

/// Inputs that may wait in one cell's queue.
pub(crate) const CELL_QUEUE_MAX: usize = REQUESTS_MAX + RESERVED_MAX;

/// The credits of one cell; cheap to clone. A credit is given back once its input was stepped.
#[derive(Debug, Clone)]
pub(super) struct Credits {
    requests: Arc<Semaphore>,
    reserved: Arc<Semaphore>,
}

/// The right of one input to wait.
pub(super) type Credit = OwnedSemaphorePermit;

impl Default for Credits {
    fn default() -> Self {
        Self {
            requests: Arc::new(Semaphore::new(REQUESTS_MAX)),
            reserved: Arc::new(Semaphore::new(RESERVED_MAX)),
        }
    }
}

impl Credits {
    /// Waits for a credit for an input; nothing once the driver has ended.
    pub(super) async fn take(&self, input: &Input) -> Option<Credit> {
        let semaphore = if is_reserved(input) {
            &self.reserved
        } else {
            &self.requests
        };
        Arc::clone(semaphore).acquire_owned().await.ok()
    }

    /// Waits for a credit for a question.
    pub(super) async fn take_for_question(&self) -> Option<Credit> {
        Arc::clone(&self.requests).acquire_owned().await.ok()
    }

    /// Lets nobody wait any more.
    pub(super) fn close(&self) {
        self.requests.close();
        self.reserved.close();
    }
}

/// Whether an input makes room instead of taking it.
pub(super) fn is_reserved(input: &Input) -> bool {
    match input {
        Input::Agent { .. }
        | Input::AgentDisconnected { .. }
        | Input::FrameworkDisconnected { .. }
        | Input::MarkReached { .. }
        | Input::Excused(_)
        | Input::Timer
        | Input::Call {
            call: Call::Acknowledge { .. },
            ..
        } => true,
        Input::Subscribe(_)
        | Input::Call { .. }
        | Input::Submit { .. }
        | Input::Withdraw { .. }
        | Input::SetRole { .. }
        | Input::DiscardHeld { .. } => false,
    }
}
