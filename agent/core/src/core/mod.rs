//! [`Core`] and the dispatch of its inputs; one file per kind of input.

mod command;
mod executor;
mod load;
mod registration;
mod updates;
mod verdict;

use std::collections::BTreeMap;

use insula_types::agent::AgentInfo;
use insula_types::message::Watermark;
use insula_types::{CheckpointId, LaunchId, SessionId, Time};

use crate::session::Session;
use crate::task::{Phase, Task};
use crate::timers::{Timer, Timers};
use crate::uuids::Uuids;
use crate::{Config, Effects, Input, Refusal, TaskRecord};

pub use load::LoadError;

/// What the agent says about itself in every registration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The random id of its work directory (rule R27).
    pub checkpoint: CheckpointId,
    /// What the machine is and has.
    pub info: AgentInfo,
}

/// How many tasks a core has.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// On their way to run.
    pub starting: usize,
    /// They run.
    pub running: usize,
    /// They run and are to be killed.
    pub killing: usize,
    /// They ended, and their end was not acknowledged.
    pub ended: usize,
    /// Those with an update that was not acknowledged, whatever they do.
    pub pending: usize,
}

/// The agent's state machine. See the crate's front page for how to drive it.
#[derive(Debug, Clone)]
pub struct Core {
    pub(crate) config: Config,
    pub(crate) identity: Identity,
    pub(crate) uuids: Uuids,
    pub(crate) watermark: Watermark,
    pub(crate) session: Session,
    /// Whether the next registration reports every task.
    pub(crate) reports_all: bool,
    /// The clock of the latest registration, and the latest that was told in any message.
    pub(crate) registered_with: Time,
    pub(crate) told: Time,
    pub(crate) tasks: BTreeMap<LaunchId, Task>,
    pub(crate) timers: Timers,
}

impl Core {
    /// Applies one input at `now` and appends what is to be done.
    ///
    /// `now` is the agent's own clock: it never runs backwards within one life of the agent, counts
    /// while the machine sleeps, and is close to the wall clock, since it dates status updates. The
    /// control plane echoes it in commands.
    ///
    /// # Errors
    /// A [`Refusal`]; nothing has changed then, and no effect was appended.
    pub fn step(&mut self, now: Time, input: Input, effects: &mut Effects) -> Result<(), Refusal> {
        match input {
            Input::Connected { session } => self.connected(now, session, effects),
            Input::Disconnected => self.close_session(),
            Input::Message {
                epoch,
                session,
                message,
                plan,
            } => {
                return self.receive(now, epoch, &session, message, plan, effects);
            }
            Input::Started { launch, at } => return self.started(now, launch, at, effects),
            Input::StartFailed { launch, sentence } => {
                return self.start_failed(now, launch, sentence, effects);
            }
            Input::Ended { launch, end } => self.ended(now, launch, &end, effects),
            Input::Absent { launch, absence } => return self.absent(now, launch, absence, effects),
            Input::KillAll => self.kill_all(effects),
            Input::Timer => self.fire_timers(now, effects),
        }
        Ok(())
    }

    /// When [`Input::Timer`] is to be stepped next, if nothing else happens.
    #[must_use]
    pub fn next_timeout(&self) -> Option<Time> {
        self.timers.next()
    }

    /// The highest command applied.
    #[must_use]
    pub const fn watermark(&self) -> Watermark {
        self.watermark
    }

    /// The session that is open or being opened.
    #[must_use]
    pub const fn session(&self) -> Option<&SessionId> {
        self.session.id()
    }

    /// Whether the control plane has committed the session.
    #[must_use]
    pub const fn is_registered(&self) -> bool {
        self.session.is_registered()
    }

    /// Launches that were read from the journal and of which no executor has said yet what became
    /// of them, oldest first.
    pub fn unrecovered(&self) -> impl Iterator<Item = &TaskRecord> {
        self.tasks
            .values()
            .filter(|task| task.unrecovered)
            .map(|task| &task.record)
    }

    /// Launches that have not ended, oldest first.
    pub fn live(&self) -> impl Iterator<Item = &TaskRecord> {
        let live = |task: &&Task| task.phase() != Phase::Ended;
        self.tasks.values().filter(live).map(|task| &task.record)
    }

    /// All launches whose end was not acknowledged, oldest first.
    pub fn launches(&self) -> impl Iterator<Item = LaunchId> {
        self.tasks.keys().copied()
    }

    /// What is known of a launch; nothing once its end was acknowledged.
    #[must_use]
    pub fn task(&self, launch: LaunchId) -> Option<&TaskRecord> {
        self.tasks.get(&launch).map(|task| &task.record)
    }

    /// When a launch began to run, as far as that is known; nothing if it was never seen running.
    #[must_use]
    pub fn running_since(&self, launch: LaunchId) -> Option<Time> {
        let running = self.tasks.get(&launch)?.running.as_ref()?;
        Some(running.started.unwrap_or(running.at))
    }

    /// Whether a launch has not ended.
    #[must_use]
    pub fn is_live(&self, launch: LaunchId) -> bool {
        self.tasks
            .get(&launch)
            .is_some_and(|task| task.phase() != Phase::Ended)
    }

    /// Whether an update of any launch waits for its acknowledgement.
    #[must_use]
    pub fn has_pending_updates(&self) -> bool {
        self.tasks.values().any(|task| task.pending().is_some())
    }

    /// How many tasks there are of each kind. It looks at every task.
    #[must_use]
    pub fn counts(&self) -> Counts {
        let mut counts = Counts::default();
        for task in self.tasks.values() {
            match task.phase() {
                Phase::Starting => counts.starting += 1,
                Phase::Running if task.kill.is_some() => counts.killing += 1,
                Phase::Running => counts.running += 1,
                Phase::Ended => counts.ended += 1,
            }
            counts.pending += usize::from(task.pending().is_some());
        }
        counts
    }

    fn fire_timers(&mut self, now: Time, effects: &mut Effects) {
        for _ in 0..self.config.slice {
            match self.timers.pop_due(now) {
                Some(Timer::Heartbeat) => self.heartbeat(now, effects),
                Some(Timer::Send(launch)) => self.send_pending(now, launch, effects),
                Some(Timer::Deadline(launch)) => self.deadline_passed(launch, effects),
                None => return,
            }
        }
    }
}
