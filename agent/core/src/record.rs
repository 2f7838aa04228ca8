//! What the journal keeps.
//!
//! The types are plain and serializable; framing, checksums and the format version are the
//! caller's. Replaying all records in order gives back everything that must survive.

use insula_types::message::{Launch, Watermark};
use insula_types::task::{AgentTimes, Exit};
use insula_types::{
    Epoch, FrameworkKey, LaunchId, Reason, Source, Span, TaskId, TaskKind, TaskState, TaskStatus,
    Time, TraceContext, UpdateUuid,
};
use serde::{Deserialize, Serialize};

use crate::LaunchPlan;

/// One durable change. Each command's record carries the watermark that it advances to, so that
/// command and effect become durable as one (rule R22).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Record {
    /// A higher epoch was adopted, or a command was applied that changed nothing that is kept.
    Applied(#[serde(with = "watermark")] Watermark),
    /// A launch was accepted and is about to be started.
    Launched {
        /// See [`Record`].
        #[serde(with = "watermark")]
        watermark: Watermark,
        /// The task.
        task: TaskRecord,
    },
    /// A task is to be killed.
    KillAsked {
        /// See [`Record`]; unchanged if the kill was asked for on this machine.
        #[serde(with = "watermark")]
        watermark: Watermark,
        /// Which.
        launch: LaunchId,
        /// Time between the polite and the final signal.
        grace: Span,
    },
    /// A task changed its state; the update waits to be sent or acknowledged.
    Updated {
        /// Which.
        launch: LaunchId,
        /// The update.
        update: Update,
    },
    /// A non-terminal update was acknowledged.
    Acknowledged {
        /// Which launch.
        launch: LaunchId,
        /// Which update.
        uuid: UpdateUuid,
    },
    /// The terminal update was acknowledged, or the launch discarded; nothing is left of the task.
    Forgotten {
        /// See [`Record`]; unchanged if it was discarded.
        #[serde(with = "watermark")]
        watermark: Watermark,
        /// Which.
        launch: LaunchId,
    },
}

impl Record {
    /// Whether nothing waits for this record: if it is lost, an update is sent once more, which
    /// the control plane answers by acknowledging it again (rule R26).
    #[must_use]
    pub const fn is_lazy(&self) -> bool {
        matches!(self, Self::Acknowledged { .. })
    }
}

/// What is kept of a launch; its description is not, since it never starts a second time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskRecord {
    /// Names the launch.
    pub launch: LaunchId,
    /// Whose task it is.
    pub framework: FrameworkKey,
    /// Its id there.
    pub task: TaskId,
    /// Which executor it belongs to.
    pub kind: TaskKind,
    /// What the core decides on.
    pub plan: LaunchPlan,
    /// The trace it belongs to.
    pub trace: TraceContext,
    /// When the launch arrived, by the wall clock; absent in records of former builds.
    #[serde(default)]
    pub received: Option<Time>,
}

impl TaskRecord {
    /// What is kept of `launch`, which arrived at `received`.
    #[must_use]
    pub fn of(launch: &Launch, plan: LaunchPlan, received: Time) -> Self {
        Self {
            launch: launch.launch,
            framework: launch.framework.clone(),
            task: launch.task.clone(),
            kind: launch.kind,
            plan,
            trace: launch.trace.clone(),
            received: Some(received),
        }
    }
}

/// A status update without what follows from its task.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Update {
    /// Names the update.
    pub uuid: UpdateUuid,
    /// The state that was entered.
    pub state: TaskState,
    /// Who says so.
    pub source: Source,
    /// Why, where there is a why.
    pub reason: Option<Reason>,
    /// For people; empty if there is nothing to say.
    pub message: String,
    /// How the task ended, if it ran and ended.
    pub exit: Option<Exit>,
    /// When, by the wall clock.
    pub at: Time,
    /// With the update that says it runs: when its executor started it, by the wall clock, as far as
    /// that is known. It may be long before `at`, if the agent was away meanwhile.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started: Option<Time>,
}

impl Update {
    /// The update as it is sent; the gateway adds the agent, which it knows better (rule R15).
    #[must_use]
    pub fn status(&self, task: &TaskId, on_agent: AgentTimes) -> TaskStatus {
        let mut status = TaskStatus::new(task.clone(), self.state, self.source, self.at);
        status.reason = self.reason;
        status.message.clone_from(&self.message);
        status.exit = self.exit;
        status.uuid = Some(self.uuid);
        status.on_agent = on_agent;
        status
    }
}

/// A watermark as the pair of its numbers.
mod watermark {
    use super::{Epoch, Watermark};
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(super) fn serialize<S: Serializer>(mark: &Watermark, to: S) -> Result<S::Ok, S::Error> {
        (mark.epoch.0, mark.seq).serialize(to)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Watermark, D::Error> {
        let (epoch, seq) = <(u64, u64)>::deserialize(from)?;
        Ok(Watermark {
            epoch: Epoch(epoch),
            seq,
        })
    }
}
