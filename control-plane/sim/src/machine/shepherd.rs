//! The processes on a machine. They survive the agent's process, and nothing survives a reboot but,
//! perhaps, what was written of ended ones.

use std::collections::BTreeMap;

use insula_agent_core::{End, EndCause};
use insula_types::task::Exit;
use insula_types::{LaunchId, Span, TaskKey, Time};

use crate::rng::Rng;

/// What the shepherd knows of a launch.
#[derive(Debug)]
pub(crate) enum Process {
    /// The agent has asked for it.
    Asked {
        key: TaskKey,
        /// Set if it was killed before it started.
        killed: bool,
    },
    Running {
        key: TaskKey,
        /// When and how it is going to end.
        end: End,
    },
    /// Kept until the agent lets it be forgotten.
    Ended(End),
}

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Shepherd {
    pub(crate) held: BTreeMap<LaunchId, Process>,
}

impl Shepherd {
    pub(crate) fn ask(&mut self, launch: LaunchId, key: TaskKey) {
        let process = Process::Asked { key, killed: false };
        self.held.insert(launch, process);
    }

    /// Starts a process that was asked for and says when it is going to end; nothing if the request
    /// was lost meanwhile.
    pub(crate) fn start(
        &mut self,
        rng: &mut Rng,
        now: Time,
        launch: LaunchId,
        run_max: u64,
    ) -> Option<(TaskKey, Time)> {
        let Some(Process::Asked { key, killed }) = self.held.get(&launch) else {
            return None;
        };
        let (key, killed) = (key.clone(), *killed);
        let end = if killed {
            signalled(15, now + rng.millis(0, 100))
        } else {
            exited(rng, now, run_max)
        };
        let at = end.at;
        let process = Process::Running {
            key: key.clone(),
            end,
        };
        self.held.insert(launch, process);
        Some((key, at))
    }

    /// Sends the signals; says when the process ends if that is now earlier.
    pub(crate) fn kill(
        &mut self,
        rng: &mut Rng,
        now: Time,
        launch: LaunchId,
        grace: Span,
    ) -> Option<Time> {
        match self.held.get_mut(&launch)? {
            Process::Asked { killed, .. } => {
                *killed = true;
                None
            }
            Process::Running { end, .. } => {
                let ignores_the_polite_one = rng.chance(300);
                let killed = if ignores_the_polite_one {
                    signalled(9, now + grace)
                } else {
                    signalled(15, now + Span(rng.between(0, grace.0)))
                };
                if killed.at >= end.at {
                    return None;
                }
                *end = killed;
                Some(end.at)
            }
            Process::Ended(_) => None,
        }
    }

    /// Makes a running process end now, and nobody knows how.
    pub(crate) fn lose(&mut self, now: Time, launch: LaunchId) {
        if let Some(Process::Running { end, .. }) = self.held.get_mut(&launch) {
            *end = End {
                exit: None,
                cause: EndCause::Lost,
                message: String::new(),
                at: now,
            };
        }
    }

    /// Ends a process whose time has come.
    pub(crate) fn end(&mut self, now: Time, launch: LaunchId) -> Option<End> {
        let Some(Process::Running { end, .. }) = self.held.get(&launch) else {
            return None;
        };
        if end.at > now {
            return None;
        }
        let end = end.clone();
        self.held.insert(launch, Process::Ended(end.clone()));
        Some(end)
    }

    pub(crate) fn forget(&mut self, launch: LaunchId) {
        if matches!(self.held.get(&launch), Some(Process::Ended(_))) {
            self.held.remove(&launch);
        }
    }

    /// The agent's connection is gone: a request that was under way arrived or did not.
    pub(crate) fn lose_requests(&mut self, rng: &mut Rng) {
        self.held
            .retain(|_, process| !matches!(process, Process::Asked { .. }) || rng.chance(500));
    }

    pub(crate) fn reboot(&mut self, rng: &mut Rng) {
        self.held
            .retain(|_, process| matches!(process, Process::Ended(_)) && rng.chance(700));
    }

    /// Launches whose process runs.
    pub(crate) fn running(&self) -> impl Iterator<Item = (LaunchId, &TaskKey)> {
        self.held
            .iter()
            .filter_map(|(launch, process)| match process {
                Process::Running { key, .. } => Some((*launch, key)),
                Process::Asked { .. } | Process::Ended(_) => None,
            })
    }
}

fn exited(rng: &mut Rng, now: Time, run_max: u64) -> End {
    let code = if rng.chance(700) { 0 } else { 1 };
    let cause = match rng.below(20) {
        0 => EndCause::MemoryLimit,
        1 => EndCause::OtherLimit,
        _ => EndCause::Exit,
    };
    End {
        exit: Some(Exit::Code(code)),
        cause,
        message: String::new(),
        at: now + rng.millis(0, run_max),
    }
}

fn signalled(number: i32, at: Time) -> End {
    End {
        exit: Some(Exit::Signal(number)),
        cause: EndCause::Killed,
        message: String::new(),
        at,
    }
}
