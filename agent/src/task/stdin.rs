//! Standard input of tasks that wait for somebody to feed them.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use insula_types::LaunchId;
use tokio::net::unix::pipe::{OpenOptions, Sender};

/// The writing ends of the FIFOs that nobody feeds yet. A task reads the end of its input when its
/// writing end is dropped: after its input, or with the agent.
#[derive(Debug, Clone, Default)]
pub(crate) struct Stdins(Arc<Mutex<BTreeMap<LaunchId, Sender>>>);

impl Stdins {
    /// Opens the FIFO of a launch, before the task opens its end.
    ///
    /// # Errors
    /// A sentence.
    pub(crate) fn open(&self, launch: LaunchId, fifo: &Path) -> Result<(), String> {
        // Opened for both, since there is no reader yet that could let a writer in.
        let sender = OpenOptions::new()
            .read_write(true)
            .open_sender(fifo)
            .map_err(|error| format!("the FIFO {} cannot be opened: {error}", fifo.display()))?;
        self.lock().insert(launch, sender);
        Ok(())
    }

    /// The writing end, for the one who feeds the task; a second one finds nothing.
    pub(crate) fn take(&self, launch: LaunchId) -> Option<Sender> {
        self.lock().remove(&launch)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<LaunchId, Sender>> {
        // Every change is a single call, so a thread that panicked has left nothing half done.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
