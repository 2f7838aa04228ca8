//! Which launches have not ended, for those who read their output or feed them.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use insula_agent_core::Record;
use insula_types::LaunchId;

/// How far a launch that has not ended has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Starting,
    Running,
}

/// A view of the core, kept by the driver.
#[derive(Debug, Clone, Default)]
pub(crate) struct Live(Arc<Mutex<BTreeMap<LaunchId, Stage>>>);

impl Live {
    /// Launches that an earlier life of the agent left; all have been told to start.
    pub(crate) fn new(launches: impl IntoIterator<Item = LaunchId>) -> Self {
        let running = launches.into_iter().map(|launch| (launch, Stage::Running));
        Self(Arc::new(Mutex::new(running.collect())))
    }

    /// Takes note of what has become true.
    pub(crate) fn see(&self, record: &Record) {
        match record {
            Record::Launched { task, .. } => {
                self.lock().insert(task.launch, Stage::Starting);
            }
            Record::Updated { launch, update } if update.state.is_terminal() => {
                self.lock().remove(launch);
            }
            Record::Updated { launch, .. } => {
                self.lock().insert(*launch, Stage::Running);
            }
            _ => {}
        }
    }

    pub(crate) fn contains(&self, launch: LaunchId) -> bool {
        self.lock().contains_key(&launch)
    }

    /// Whether the launch is on its way to run.
    pub(crate) fn is_starting(&self, launch: LaunchId) -> bool {
        self.lock().get(&launch) == Some(&Stage::Starting)
    }

    #[cfg(test)]
    pub(crate) fn end(&self, launch: LaunchId) {
        self.lock().remove(&launch);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<LaunchId, Stage>> {
        // Every change is a single call, so a thread that panicked has left nothing half done.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
