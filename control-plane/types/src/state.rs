//! Task states, reasons and sources, with the names and numbers of Mesos.
//!
//! Source: the enumerations `TaskState`, `TaskStatus.Reason` and `TaskStatus.Source` of the Mesos v1
//! interface, release 1.11.

use std::fmt;

use serde::{Deserialize, Serialize};

macro_rules! wire_enum {
    (
        $(#[$doc:meta])* $name:ident {
            $( $(#[$vdoc:meta])* $variant:ident = $number:literal $text:literal ),+ $(,)?
        }
    ) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum $name {
            $( $(#[$vdoc])* #[serde(rename = $text)] $variant ),+
        }

        impl $name {
            /// Every value, in the order of the wire numbers' table.
            pub const ALL: &[Self] = &[$( Self::$variant ),+];

            /// The number on the wire.
            #[must_use]
            pub const fn number(self) -> i32 {
                match self { $( Self::$variant => $number ),+ }
            }

            /// The value of that number on the wire.
            #[must_use]
            pub const fn from_number(number: i32) -> Option<Self> {
                match number { $( $number => Some(Self::$variant), )+ _ => None }
            }

            /// The name on the wire.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $( Self::$variant => $text ),+ }
            }

            /// The value of that name on the wire.
            #[must_use]
            pub fn from_name(name: &str) -> Option<Self> {
                match name { $( $text => Some(Self::$variant), )+ _ => None }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}

wire_enum! {
    /// What has become of a task.
    TaskState {
        /// Accepted, on its way to the agent.
        Staging = 6 "TASK_STAGING",
        /// The agent has it; its executor is starting it.
        Starting = 0 "TASK_STARTING",
        /// It runs.
        Running = 1 "TASK_RUNNING",
        /// It is being killed.
        Killing = 8 "TASK_KILLING",
        /// It ended by itself, successfully.
        Finished = 2 "TASK_FINISHED",
        /// It ended by itself, or was stopped, for a fault of its own.
        Failed = 3 "TASK_FAILED",
        /// It was killed as asked.
        Killed = 4 "TASK_KILLED",
        /// The task description is wrong; it was never started.
        Error = 7 "TASK_ERROR",
        /// What partition-unaware frameworks see of dropped, unreachable, gone and unknown tasks.
        Lost = 5 "TASK_LOST",
        /// It certainly did not start, through no fault of its own.
        Dropped = 9 "TASK_DROPPED",
        /// Its agent is out of reach; it may run or not, and may come back.
        Unreachable = 10 "TASK_UNREACHABLE",
        /// It was running on an agent that no longer has it.
        Gone = 11 "TASK_GONE",
        /// Its agent was declared gone by an operator.
        GoneByOperator = 12 "TASK_GONE_BY_OPERATOR",
        /// Nobody knows the task.
        Unknown = 13 "TASK_UNKNOWN",
    }
}

impl TaskState {
    /// Whether the task can never change again.
    ///
    /// `TASK_UNREACHABLE` and `TASK_UNKNOWN` are not terminal: the task may come back.
    #[must_use]
    pub const fn is_terminal(self) -> bool {
        match self {
            Self::Finished
            | Self::Failed
            | Self::Killed
            | Self::Error
            | Self::Lost
            | Self::Dropped
            | Self::Gone
            | Self::GoneByOperator => true,
            Self::Staging
            | Self::Starting
            | Self::Running
            | Self::Killing
            | Self::Unreachable
            | Self::Unknown => false,
        }
    }

    /// Whether the task holds its agent's resources.
    #[must_use]
    pub const fn holds_resources(self) -> bool {
        matches!(
            self,
            Self::Staging | Self::Starting | Self::Running | Self::Killing
        )
    }

    /// The state as a framework without the `PARTITION_AWARE` capability sees it (rule R21).
    #[must_use]
    pub const fn for_partition_unaware(self) -> Self {
        match self {
            Self::Dropped
            | Self::Unreachable
            | Self::Gone
            | Self::GoneByOperator
            | Self::Unknown => Self::Lost,
            other => other,
        }
    }

    /// Whether the built-in framework starts the task again while it has retries left.
    ///
    /// Never for a task that may still run.
    #[must_use]
    pub const fn is_retried(self) -> bool {
        matches!(self, Self::Failed | Self::Lost | Self::Dropped | Self::Gone)
    }
}

wire_enum! {
    /// Who made a status update.
    Source {
        /// The control plane.
        Master = 0 "SOURCE_MASTER",
        /// The agent.
        Agent = 1 "SOURCE_AGENT",
        /// The executor.
        Executor = 2 "SOURCE_EXECUTOR",
    }
}

wire_enum! {
    /// Why a task is in its state.
    Reason {
        /// The command executor of Mesos failed.
        CommandExecutorFailed = 0 "REASON_COMMAND_EXECUTOR_FAILED",
        /// The process could not be started.
        ContainerLaunchFailed = 21 "REASON_CONTAINER_LAUNCH_FAILED",
        /// A limit ended the task.
        ContainerLimitation = 19 "REASON_CONTAINER_LIMITATION",
        /// The disk limit ended the task.
        ContainerLimitationDisk = 20 "REASON_CONTAINER_LIMITATION_DISK",
        /// The memory limit ended the task.
        ContainerLimitationMemory = 8 "REASON_CONTAINER_LIMITATION_MEMORY",
        /// The executor made room for something else.
        ContainerPreempted = 17 "REASON_CONTAINER_PREEMPTED",
        /// The executor did not register in time.
        ExecutorRegistrationTimeout = 23 "REASON_EXECUTOR_REGISTRATION_TIMEOUT",
        /// The executor did not come back in time after the agent restarted.
        ExecutorReregistrationTimeout = 24 "REASON_EXECUTOR_REREGISTRATION_TIMEOUT",
        /// The executor ended before the task did.
        ExecutorTerminated = 1 "REASON_EXECUTOR_TERMINATED",
        /// The executor was removed.
        ExecutorUnregistered = 2 "REASON_EXECUTOR_UNREGISTERED",
        /// The framework was removed.
        FrameworkRemoved = 3 "REASON_FRAMEWORK_REMOVED",
        /// An offer named in the accept was not valid.
        InvalidOffers = 6 "REASON_INVALID_OFFERS",
        /// The task ran longer than it was allowed to.
        MaxCompletionTimeReached = 33 "REASON_MAX_COMPLETION_TIME_REACHED",
        /// The answer to a reconciliation.
        Reconciliation = 9 "REASON_RECONCILIATION",
        /// The agent is not connected.
        AgentDisconnected = 10 "REASON_AGENT_DISCONNECTED",
        /// The agent was removed.
        AgentRemoved = 11 "REASON_AGENT_REMOVED",
        /// The agent was removed by an operator.
        AgentRemovedByOperator = 31 "REASON_AGENT_REMOVED_BY_OPERATOR",
        /// The agent came back after it was removed.
        AgentReregistered = 32 "REASON_AGENT_REREGISTERED",
        /// The agent restarted before it started the task.
        AgentRestarted = 12 "REASON_AGENT_RESTARTED",
        /// The agent does not know the task.
        AgentUnknown = 13 "REASON_AGENT_UNKNOWN",
        /// The task description is wrong.
        TaskInvalid = 14 "REASON_TASK_INVALID",
        /// The framework may not run this task.
        TaskUnauthorized = 15 "REASON_TASK_UNAUTHORIZED",
        /// Nobody knows the task.
        TaskUnknown = 16 "REASON_TASK_UNKNOWN",
        /// The task was killed while it was being launched.
        TaskKilledDuringLaunch = 30 "REASON_TASK_KILLED_DURING_LAUNCH",
        /// The task's resources could not be changed.
        ContainerUpdateFailed = 22 "REASON_CONTAINER_UPDATE_FAILED",
        /// Old data could not be removed.
        GcError = 4 "REASON_GC_ERROR",
        /// The framework id was not valid.
        InvalidFrameworkId = 5 "REASON_INVALID_FRAMEWORKID",
        /// The process that keeps a task's standard streams ended.
        IoSwitchboardExited = 27 "REASON_IO_SWITCHBOARD_EXITED",
        /// The control plane was not connected.
        MasterDisconnected = 7 "REASON_MASTER_DISCONNECTED",
        /// The agent does not have resources that the task names.
        ResourcesUnknown = 18 "REASON_RESOURCES_UNKNOWN",
        /// The agent is being emptied.
        AgentDraining = 34 "REASON_AGENT_DRAINING",
        /// The outcome of a check changed.
        TaskCheckStatusUpdated = 28 "REASON_TASK_CHECK_STATUS_UPDATED",
        /// The outcome of a health check changed.
        TaskHealthCheckStatusUpdated = 29 "REASON_TASK_HEALTH_CHECK_STATUS_UPDATED",
        /// A task of the group, or the group, is described wrongly.
        TaskGroupInvalid = 25 "REASON_TASK_GROUP_INVALID",
        /// The framework may not run a task of the group.
        TaskGroupUnauthorized = 26 "REASON_TASK_GROUP_UNAUTHORIZED",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_numbers_are_one_to_one() {
        for state in TaskState::ALL {
            assert_eq!(TaskState::from_number(state.number()), Some(*state));
            assert_eq!(TaskState::from_name(state.as_str()), Some(*state));
        }
        for reason in Reason::ALL {
            assert_eq!(Reason::from_number(reason.number()), Some(*reason));
            assert_eq!(Reason::from_name(reason.as_str()), Some(*reason));
        }
    }

    #[test]
    fn a_terminal_task_holds_nothing() {
        for state in TaskState::ALL {
            assert!(!(state.is_terminal() && state.holds_resources()), "{state}");
        }
    }
}
