//! From the journal to a core, and back.

use std::collections::BTreeMap;

use insula_types::message::Watermark;
use insula_types::{LaunchId, Time, UpdateUuid};

use super::{Core, Identity};
use crate::session::Session;
use crate::task::{Phase, Task};
use crate::timers::Timers;
use crate::uuids::Uuids;
use crate::{Config, Record, Update};

/// Why records cannot be a journal of ours.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LoadError {
    /// A record speaks of a launch that no earlier record began, or that was forgotten.
    #[error("the journal speaks of launch {0} without having begun it")]
    UnknownLaunch(LaunchId),
    /// A launch was begun twice.
    #[error("the journal begins launch {0} twice")]
    LaunchedTwice(LaunchId),
    /// An update follows the terminal one, or repeats a state.
    #[error("the journal updates launch {0} in an order that cannot be")]
    UpdateOrder(LaunchId),
}

impl Core {
    /// Makes a core from all records of the journal, in order.
    ///
    /// `nonce` is 128 random bits, new in every life of the agent; the uuids of status updates are
    /// counted up from it.
    ///
    /// # Errors
    /// [`LoadError`] if the records contradict each other.
    pub fn load(
        config: Config,
        identity: Identity,
        nonce: u128,
        records: impl IntoIterator<Item = Record>,
    ) -> Result<Self, LoadError> {
        let mut core = Self {
            config,
            identity,
            uuids: Uuids::new(nonce),
            watermark: Watermark::default(),
            session: Session::Closed,
            reports_all: false,
            registered_with: Time::default(),
            told: Time::default(),
            tasks: BTreeMap::new(),
            timers: Timers::default(),
        };
        for record in records {
            core.replay(record)?;
        }
        for task in core.tasks.values_mut() {
            task.unrecovered = task.phase() != Phase::Ended;
        }
        Ok(core)
    }

    /// The fewest records that [`Self::load`] makes the durable part of this core from.
    #[must_use]
    pub fn records(&self) -> Vec<Record> {
        let mut records = vec![Record::Applied(self.watermark)];
        for task in self.tasks.values() {
            task.records(self.watermark, &mut records);
        }
        records
    }

    fn replay(&mut self, record: Record) -> Result<(), LoadError> {
        match record {
            Record::Applied(watermark) => self.advance(watermark),
            Record::Launched { watermark, task } => {
                let launch = task.launch;
                if self.tasks.insert(launch, Task::new(task)).is_some() {
                    return Err(LoadError::LaunchedTwice(launch));
                }
                self.advance(watermark);
            }
            Record::KillAsked {
                watermark,
                launch,
                grace,
            } => {
                self.replayed(launch)?.kill = Some(grace);
                self.advance(watermark);
            }
            Record::Updated { launch, update } => self.replay_update(launch, update)?,
            Record::Acknowledged { launch, uuid } => self.replay_acknowledged(launch, uuid)?,
            Record::Forgotten { watermark, launch } => {
                self.tasks
                    .remove(&launch)
                    .ok_or(LoadError::UnknownLaunch(launch))?;
                self.advance(watermark);
            }
        }
        Ok(())
    }

    fn replay_update(&mut self, launch: LaunchId, update: Update) -> Result<(), LoadError> {
        let task = self.replayed(launch)?;
        let in_order = match task.phase() {
            Phase::Starting => true,
            Phase::Running => update.state.is_terminal(),
            Phase::Ended => false,
        };
        if !in_order {
            return Err(LoadError::UpdateOrder(launch));
        }
        task.push(update);
        Ok(())
    }

    fn replay_acknowledged(&mut self, launch: LaunchId, uuid: UpdateUuid) -> Result<(), LoadError> {
        let task = self.replayed(launch)?;
        if task
            .running
            .as_ref()
            .is_none_or(|update| update.uuid != uuid)
        {
            return Err(LoadError::UpdateOrder(launch));
        }
        task.running_acknowledged = true;
        Ok(())
    }

    fn replayed(&mut self, launch: LaunchId) -> Result<&mut Task, LoadError> {
        self.tasks
            .get_mut(&launch)
            .ok_or(LoadError::UnknownLaunch(launch))
    }

    fn advance(&mut self, watermark: Watermark) {
        self.watermark = self.watermark.max(watermark);
    }
}
