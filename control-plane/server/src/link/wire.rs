//! What the two ends of a link say to each other, as the payload of an envelope.
//!
//! Payloads are MessagePack with named fields: a reader ignores fields that it does not know and
//! fills in those that are missing, so two versions of a replica can talk during an upgrade. A new
//! field therefore is an `Option` or has `#[serde(default)]`, and no field is ever renamed or given
//! another type; `tests/fixtures/link-v1` holds every variant as version 1 wrote it, and a test reads
//! them with today's build (rule R7). A new *variant* is not readable by an older build: it is sent
//! only when the membership shows no older replica, or with a raised
//! [`insula_types::FORMAT_VERSION`] in the envelope.

use bytes::Bytes;
use insula_kernel::{Input, Outcome};
use insula_types::message::{Message, Peer};
use insula_types::{Epoch, LinkId, PartitionId, ReplicaId, RequestId};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// Longest payload that is sent or read, in bytes. The largest inputs are bodies and agents' messages
/// of 16 MiB, the largest message is one allocation's offers; names of fields may double either.
pub(crate) const PAYLOAD_BYTES_MAX: usize = 32 << 20;

/// From a gateway to the owner of a partition. What it concerns (the cell) stands in the envelope.
#[expect(
    clippy::large_enum_variant,
    reason = "one is taken apart where it is made or read, and none is kept"
)]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum ToOwner {
    /// The first message of a link.
    Hello,
    /// Something has happened in the envelope's cell.
    Input {
        /// Under which number of this link the answer is expected; absent if nobody waits. The
        /// owner numbers the input anew ([`Input::request_mut`]) before its kernel sees it.
        #[serde(default)]
        request: Option<RequestId>,
        /// What.
        input: Input,
    },
    /// The last message of a link that the gateway ends in order.
    Bye,
}

/// From the owner of a partition to a gateway; its epoch stands in the envelope, and so does the cell
/// of a `Message`, `Close` and `Reply`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum ToGateway {
    /// The first message of a link: the owner has heard its `Hello`.
    Welcome {
        /// Marks that the owner loaded of this replica's former links: up to which number their
        /// inputs are in the rows.
        #[serde(default)]
        marks: Vec<(LinkId, u64)>,
    },
    /// The sender serves a partition from now on; said on no link's behalf to every live replica.
    Serving {
        /// Which.
        partition: PartitionId,
        /// Under which number.
        epoch: Epoch,
        /// Who says so.
        replica: ReplicaId,
    },
    /// The sender has given a partition away, and nobody owns it now: whoever is to have it should look
    /// at once. Said on no link's behalf to every live replica.
    Given {
        /// Which.
        partition: PartitionId,
        /// Under which number it was owned.
        epoch: Epoch,
    },
    /// The kernel speaks to a session of this gateway.
    Message {
        /// Which.
        peer: Peer,
        /// What it says.
        message: Message,
    },
    /// The outcome of an input with a request.
    Reply {
        /// Its number on this link.
        request: RequestId,
        /// What became of it.
        outcome: Outcome,
    },
    /// An input with a request has no outcome: its cell is not served now.
    Unavailable {
        /// Its number on this link.
        request: RequestId,
        /// Whether it may have been applied nevertheless (rule R16).
        #[serde(default)]
        uncertain: bool,
        /// Why, if there is more to say than that it will pass; a sentence.
        #[serde(default)]
        reason: Option<String>,
    },
    /// A session of this gateway is over, after what it was told before.
    Close {
        /// Which.
        peer: Peer,
    },
    /// All messages of the link up to this number are applied durably.
    Applied {
        /// The number.
        seq: u64,
    },
    /// The owner ends this link: it lost what it held of it. The gateway opens another.
    Reset,
}

/// A payload that cannot be sent or read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum WireError {
    /// It has more than [`PAYLOAD_BYTES_MAX`] bytes.
    #[error("a payload of {bytes} bytes exceeds the limit of {PAYLOAD_BYTES_MAX} bytes")]
    TooLarge {
        /// How many it has.
        bytes: usize,
    },
    /// A value that the format cannot express.
    #[error("cannot encode a link's payload")]
    Encode(#[source] rmp_serde::encode::Error),
    /// Bytes that are no payload of this version or an older one.
    #[error("cannot read a link's payload; the sender may be of a newer version")]
    Decode(#[source] rmp_serde::decode::Error),
}

impl ToOwner {
    /// The payload.
    ///
    /// # Errors
    /// [`WireError::TooLarge`].
    pub(crate) fn encode(&self) -> Result<Bytes, WireError> {
        encode(self)
    }

    /// Reads a payload.
    ///
    /// # Errors
    /// [`WireError::TooLarge`] or [`WireError::Decode`].
    pub(crate) fn decode(payload: &[u8]) -> Result<Self, WireError> {
        decode(payload)
    }
}

impl ToGateway {
    /// The payload.
    ///
    /// # Errors
    /// [`WireError::TooLarge`].
    pub(crate) fn encode(&self) -> Result<Bytes, WireError> {
        encode(self)
    }

    /// Reads a payload.
    ///
    /// # Errors
    /// [`WireError::TooLarge`] or [`WireError::Decode`].
    pub(crate) fn decode(payload: &[u8]) -> Result<Self, WireError> {
        decode(payload)
    }
}

fn encode(value: &impl Serialize) -> Result<Bytes, WireError> {
    let payload = rmp_serde::to_vec_named(value).map_err(WireError::Encode)?;
    bounded(&payload)?;
    Ok(payload.into())
}

fn decode<T: DeserializeOwned>(payload: &[u8]) -> Result<T, WireError> {
    bounded(payload)?;
    rmp_serde::from_slice(payload).map_err(WireError::Decode)
}

fn bounded(payload: &[u8]) -> Result<(), WireError> {
    match payload.len() {
        0..=PAYLOAD_BYTES_MAX => Ok(()),
        bytes => Err(WireError::TooLarge { bytes }),
    }
}

#[cfg(test)]
mod names;
#[cfg(test)]
mod samples;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod variants;
