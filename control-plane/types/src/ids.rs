//! Ids, one newtype per kind, so that none can stand in for another.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// Longest id that is accepted, in bytes: Mesos' limit, the longest file name on common systems.
pub const ID_BYTES_MAX: usize = 255;

/// Why a text is no id. The sentences are those of Mesos, where clients may match on them.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IdError {
    /// The text is empty.
    #[error("ID must not be empty")]
    Empty,
    /// The text has more than [`ID_BYTES_MAX`] bytes.
    #[error("ID must not be greater than {ID_BYTES_MAX} characters")]
    TooLong,
    /// The text is `.` or `..`, which would be a path.
    #[error("'{0}' is disallowed")]
    Dots(String),
    /// The text contains a slash, a backslash or a control character.
    #[error("'{0}' contains invalid characters")]
    Characters(String),
}

/// Checks that a text can serve as an id and as a file name.
///
/// # Errors
/// The first rule of [`IdError`] that the text breaks.
pub fn validate(text: &str) -> Result<(), IdError> {
    if text.is_empty() {
        return Err(IdError::Empty);
    }
    if text.len() > ID_BYTES_MAX {
        return Err(IdError::TooLong);
    }
    if text == "." || text == ".." {
        return Err(IdError::Dots(text.to_owned()));
    }
    if text
        .chars()
        .any(|c| c.is_control() || c == '/' || c == '\\')
    {
        return Err(IdError::Characters(text.to_owned()));
    }
    Ok(())
}

macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        ///
        /// Cheap to clone. [`Self::new`] checks the rules of [`validate`]; an id that was read back
        /// from a row or a trusted peer may be made with `From` without checking again.
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Arc<str>);

        impl $name {
            /// Makes an id from text that came from outside.
            ///
            /// # Errors
            /// See [`validate`].
            pub fn new(text: &str) -> Result<Self, IdError> {
                validate(text)?;
                Ok(Self(text.into()))
            }

            /// The id as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                Self(text.into())
            }
        }

        impl From<String> for $name {
            fn from(text: String) -> Self {
                Self(text.into())
            }
        }

        /// The id's own text, shared.
        impl From<&$name> for Arc<str> {
            fn from(id: &$name) -> Self {
                Self::clone(&id.0)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{:?}", &*self.0)
            }
        }
    };
}

text_id! {
    /// One organization's pool of machines with one scheduler.
    CellId
}
text_id! {
    /// A team or project in an organization; a valid role segment (rule R20).
    TenantId
}
text_id! {
    /// An agent, as the control plane named it at enrollment.
    AgentId
}
text_id! {
    /// A framework; unique within its tenant only (rule R19).
    FrameworkId
}
text_id! {
    /// A task; chosen by its framework, unique among that framework's live tasks.
    TaskId
}
text_id! {
    /// An executor; chosen by its framework.
    ExecutorId
}
text_id! {
    /// The random id that an agent keeps in its work directory (rule R27).
    CheckpointId
}
text_id! {
    /// One connection of a framework or an agent, as the gateway that terminates it named it.
    ///
    /// For a framework this is the `Mesos-Stream-Id`; for an agent it is the nonce that the agent
    /// made for the session (rule R22).
    SessionId
}

text_id! {
    /// One incarnation of a control-plane process: random, made at its start.
    ReplicaId
}
text_id! {
    /// One incarnation of the conversation between a gateway's replica and the owner of a partition:
    /// the replica's id, a dot, and a number. Messages are numbered within it, in each direction.
    LinkId
}

/// A fixed shard of all cells; the unit of lease and failover.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PartitionId(pub u16);

/// The number of a partition's current ownership: the fencing token on every write and message.
///
/// Epochs only grow (rule R5); they start at the unix time in milliseconds, so that a restored
/// backup cannot reuse one.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Epoch(pub u64);

impl fmt::Display for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:x}", self.0)
    }
}

/// A question asked of the kernel, so that its answer finds the way back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RequestId(pub u64);

/// The uuid of a status update: 16 bytes, made by the agent.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct UpdateUuid(pub uuid::Uuid);

impl UpdateUuid {
    /// The uuid in exactly 16 bytes, or nothing.
    #[must_use]
    pub fn from_slice(bytes: &[u8]) -> Option<Self> {
        uuid::Uuid::from_slice(bytes).ok().map(Self)
    }

    /// The 16 bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 16] {
        self.0.as_bytes()
    }
}

impl fmt::Debug for UpdateUuid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// Given to each accepted task: task ids may return, launch ids never.
///
/// Written `<epoch in hex>.<number>`, which is also the name of the task's sandbox on the agent.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LaunchId {
    /// The epoch in which the task was accepted.
    pub epoch: Epoch,
    /// Counts the launches of that epoch, from 1.
    pub number: u64,
}

/// An offer; never persisted, and void with the epoch that it names (rule R19).
///
/// Written `<epoch in hex>-<tag in hex>`. The tag runs through all 64-bit values in an order that
/// depends on the cell's seed, so ids are unique and say nothing about how many offers others got.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OfferId {
    /// The epoch in which the offer was made.
    pub epoch: Epoch,
    /// Distinguishes the offers of one epoch.
    pub tag: u64,
}

/// A text that is not a launch id or an offer id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' is not an id that this control plane has handed out")]
pub struct NotOurs(pub String);

fn two_numbers(text: &str, separator: char, second_radix: u32) -> Option<(u64, u64)> {
    let (first, second) = text.split_once(separator)?;
    let first = u64::from_str_radix(first, 16).ok()?;
    Some((first, u64::from_str_radix(second, second_radix).ok()?))
}

impl fmt::Display for LaunchId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.epoch, self.number)
    }
}

impl fmt::Debug for LaunchId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for LaunchId {
    type Err = NotOurs;

    fn from_str(text: &str) -> Result<Self, NotOurs> {
        let (epoch, number) = two_numbers(text, '.', 10).ok_or_else(|| NotOurs(text.to_owned()))?;
        Ok(Self {
            epoch: Epoch(epoch),
            number,
        })
    }
}

impl Serialize for LaunchId {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for LaunchId {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

impl fmt::Display for OfferId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{:016x}", self.epoch, self.tag)
    }
}

impl fmt::Debug for OfferId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for OfferId {
    type Err = NotOurs;

    fn from_str(text: &str) -> Result<Self, NotOurs> {
        let (epoch, tag) = two_numbers(text, '-', 16).ok_or_else(|| NotOurs(text.to_owned()))?;
        Ok(Self {
            epoch: Epoch(epoch),
            tag,
        })
    }
}

impl Serialize for OfferId {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for OfferId {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// A framework in its cell.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct FrameworkKey {
    /// The tenant that owns the framework.
    pub tenant: TenantId,
    /// The framework within that tenant.
    pub framework: FrameworkId,
}

impl fmt::Display for FrameworkKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.tenant, self.framework)
    }
}

/// A task in its cell, by the id that its framework gave it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct TaskKey {
    /// The framework that launched the task.
    pub framework: FrameworkKey,
    /// The task within that framework.
    pub task: TaskId,
}

impl fmt::Display for TaskKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.framework, self.task)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn an_id_must_be_usable_as_a_file_name() {
        assert_eq!(TaskId::new(""), Err(IdError::Empty));
        assert_eq!(TaskId::new(&"x".repeat(256)), Err(IdError::TooLong));
        assert_eq!(TaskId::new(".."), Err(IdError::Dots("..".into())));
        assert_eq!(TaskId::new("a/b"), Err(IdError::Characters("a/b".into())));
        assert_eq!(TaskId::new("a\nb"), Err(IdError::Characters("a\nb".into())));
        assert_eq!(TaskId::new("web.1").unwrap().as_str(), "web.1");
    }

    #[test]
    fn launch_and_offer_ids_read_back_what_they_print() {
        let launch = LaunchId {
            epoch: Epoch(0x19a),
            number: 42,
        };
        assert_eq!(launch.to_string(), "19a.42");
        assert_eq!("19a.42".parse::<LaunchId>().unwrap(), launch);
        let offer = OfferId {
            epoch: Epoch(7),
            tag: 0xfeed,
        };
        assert_eq!(offer.to_string().parse::<OfferId>().unwrap(), offer);
        for foreign in [
            "",
            "x",
            "7",
            "7-",
            "-7",
            "zz-1",
            "76d872e7-3e68-4cce-9b25-O9",
        ] {
            assert!(foreign.parse::<OfferId>().is_err(), "{foreign}");
        }
    }
}
