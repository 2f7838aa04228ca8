//! What a call has to look like before anything is looked up for it.
//!
//! Only the call itself is read here: which part belongs to which type, ids that have to agree,
//! uuids that have to be uuids. The sentences are those of Mesos, since clients show and compare
//! them. That required fields are there is the business of [`crate::decode`].

mod executor;
mod scheduler;

pub use executor::executor_call;
pub use scheduler::scheduler_call;

/// Why a call is refused, with the words in front by which Mesos names the interface.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("Failed to validate {call}: {fault}")]
pub struct InvalidCall {
    /// `scheduler::Call` or `Executor::Call`.
    pub call: &'static str,
    /// What is wrong with it.
    pub fault: Fault,
}

/// What is wrong with a call.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// A part is absent that calls of this type have.
    #[error("Expecting '{0}' to be present")]
    Absent(&'static str),
    /// The type is UNKNOWN, which no call can have.
    #[error("Expecting 'type' to be a known type of call")]
    UnknownType,
    /// The call names two frameworks.
    #[error("'framework_id' differs from '{0}.framework_info.id'")]
    FrameworkIdDiffers(&'static str),
    /// The caller proved to be somebody else than it says.
    #[error(
        "Authenticated principal '{authenticated}' does not match principal '{claimed}' set in `FrameworkInfo`"
    )]
    PrincipalDiffers {
        /// As its credentials say.
        authenticated: String,
        /// As its framework info says.
        claimed: String,
    },
    /// A uuid is not sixteen bytes long.
    #[error("Not a valid UUID")]
    NotAUuid,
    /// The call and the status in it name two executors.
    #[error("ExecutorID in Call: {call} does not match ExecutorID in TaskStatus: {status}")]
    ExecutorIdDiffers {
        /// As the call says.
        call: String,
        /// As the status says.
        status: String,
    },
    /// An executor reports in the name of somebody else.
    #[error(
        "Received Call from executor {executor} of framework {framework} with invalid source, expecting 'SOURCE_EXECUTOR'"
    )]
    NotFromExecutor {
        /// The executor.
        executor: String,
        /// Its framework.
        framework: String,
    },
    /// An executor reports the state that comes before it knows the task.
    #[error(
        "Received TASK_STAGING from executor {executor} of framework {framework} which is not allowed"
    )]
    Staging {
        /// The executor.
        executor: String,
        /// Its framework.
        framework: String,
    },
    /// The outcome of a check does not say of which kind of check.
    #[error("CheckStatusInfo must specify 'type'")]
    CheckWithoutType,
    /// The outcome of a check is of the kind UNKNOWN.
    #[error("'UNKNOWN' is not a valid check's status type")]
    CheckOfUnknownType,
    /// The outcome of a check lacks the field for its kind.
    #[error("Expecting '{0}' to be set for {1} check's status")]
    CheckWithoutPart(&'static str, &'static str),
}

/// A part of a call that has to be there.
fn present<'a, T>(part: Option<&'a T>, name: &'static str) -> Result<&'a T, Fault> {
    part.ok_or(Fault::Absent(name))
}

fn check_uuid(bytes: &[u8]) -> Result<(), Fault> {
    if bytes.len() == 16 {
        Ok(())
    } else {
        Err(Fault::NotAUuid)
    }
}
