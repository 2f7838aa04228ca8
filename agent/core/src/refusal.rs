//! Why an input was not obeyed. Nothing has changed after a refusal.

use insula_types::message::CommandSeq;
use insula_types::{Epoch, LaunchId, SessionId, UpdateUuid};

/// A refusal. All but [`Refusal::LowerEpoch`] are ordinary consequences of repetition and delay.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The message is for another session than the current one.
    #[error("the message is for session '{given}', which is not open")]
    OtherSession {
        /// The session of the message.
        given: SessionId,
    },
    /// A command or acknowledgement came before the session, or the latest registration in it, was
    /// committed.
    #[error("the latest registration is not answered yet")]
    NotRegistered,
    /// The sender's epoch is lower than one that was obeyed before: its store was set back in time,
    /// or it is an owner that was replaced (rule R5).
    #[error(
        "the control plane speaks with epoch {given}, but epoch {known} was obeyed before; \
         if its store was restored from a backup, it must be started above epoch {known}"
    )]
    LowerEpoch {
        /// The sender's.
        given: Epoch,
        /// The highest obeyed.
        known: Epoch,
    },
    /// The command was applied before.
    #[error("command {seq} was applied before; the last one was {last}")]
    AlreadyApplied {
        /// Its number.
        seq: CommandSeq,
        /// The watermark.
        last: CommandSeq,
    },
    /// The acknowledged update is not the one that waits.
    #[error("update {uuid:?} of launch {launch} does not wait for an acknowledgement")]
    NotAwaited {
        /// Which launch.
        launch: LaunchId,
        /// Which update.
        uuid: UpdateUuid,
    },
    /// The executor reports what is known already or cannot follow from what is known.
    #[error("launch {launch} is {state}; that it {event} is no news")]
    NoNews {
        /// Which launch.
        launch: LaunchId,
        /// What is known of it.
        state: &'static str,
        /// What was reported.
        event: &'static str,
    },
}
