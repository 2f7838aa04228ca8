//! Everything that can happen to an agent.

use insula_types::message::ToAgent;
use insula_types::task::Exit;
use insula_types::{Epoch, LaunchId, SessionId, Span, Time};
use serde::{Deserialize, Serialize};

/// One input of [`crate::Core::step`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    /// A connection to the control plane is open, under a nonce that was made for it alone.
    Connected {
        /// The nonce.
        session: SessionId,
    },
    /// The connection ended.
    Disconnected,
    /// The control plane speaks.
    Message {
        /// The sender's epoch.
        epoch: Epoch,
        /// The session that the message is for.
        session: SessionId,
        /// What it says.
        message: ToAgent,
        /// What the caller read in the task description, if the message is a launch; else the
        /// default.
        plan: LaunchPlan,
    },
    /// An executor runs this launch: it has just started it, or has kept it.
    Started {
        /// Which.
        launch: LaunchId,
        /// When it began to run, by the wall clock, as far as the executor knows.
        at: Option<Time>,
    },
    /// A launch could not be started.
    StartFailed {
        /// Which.
        launch: LaunchId,
        /// What failed and why, for people.
        sentence: String,
    },
    /// A launch ended.
    Ended {
        /// Which.
        launch: LaunchId,
        /// How.
        end: End,
    },
    /// No executor has this launch, though it was on its way to one or ran there.
    Absent {
        /// Which.
        launch: LaunchId,
        /// What came between.
        absence: Absence,
    },
    /// The owner of the machine wants all tasks killed.
    KillAll,
    /// Nothing but time has passed.
    Timer,
}

/// The few facts of a task description that the core decides on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct LaunchPlan {
    /// The task is killed when it has run for longer than this.
    pub max_completion: Option<Span>,
    /// Time between the polite and the final signal, unless a kill names another.
    pub grace: Span,
}

impl Default for LaunchPlan {
    /// No limit, and the three seconds of Mesos' default kill policy.
    fn default() -> Self {
        Self {
            max_completion: None,
            grace: Span::from_secs(3),
        }
    }
}

/// How a launch ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct End {
    /// The exit code or signal, if it is known.
    pub exit: Option<Exit>,
    /// What brought it about.
    pub cause: EndCause,
    /// For people; empty if `exit` says it all.
    pub message: String,
    /// When, by the wall clock.
    pub at: Time,
}

/// What brought the end of a launch about, as its executor knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EndCause {
    /// The program itself, or a signal that it was sent.
    Exit,
    /// It used more memory than it may.
    MemoryLimit,
    /// It ran for longer than it may.
    TimeLimit,
    /// It met another limit.
    OtherLimit,
    /// It did something that its sandbox does not allow or define.
    Trap,
    /// The executor stopped it because it was told to.
    Killed,
    /// The executor lost it: it is gone, and nobody knows how it ended.
    Lost,
}

/// Why no executor has a launch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Absence {
    /// The agent's process ended in between.
    AgentRestarted,
    /// The machine was started anew in between.
    MachineRestarted,
    /// The executor's process ended.
    ExecutorEnded,
}
