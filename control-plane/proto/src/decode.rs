//! From the body of a request to a message, in JSON or protobuf.

use prost::{Message, Name};

use crate::json::{self, ConvertError, ReadError};
use crate::required::{self, WalkError};

/// Largest body that is decoded, in bytes. An ACCEPT that launches ten thousand tasks of a kilobyte
/// each fits in; whoever sends more can send it in parts.
pub const BODY_BYTES_MAX: usize = 16 << 20;

/// Why a body is no message. The sentences are those of Mesos, where Mesos has one, since clients
/// show and compare them.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// The body is longer than [`BODY_BYTES_MAX`].
    #[error("The body of {0} bytes exceeds the limit of {BODY_BYTES_MAX} bytes; send it in parts")]
    TooLarge(usize),
    /// The body is not JSON.
    #[error("Failed to parse body into JSON: {0}")]
    NotJson(String),
    /// The JSON does not describe such a message.
    #[error("Failed to convert JSON into {message} protobuf: {reason}")]
    NotConvertible {
        /// Name of the message, without its package.
        message: &'static str,
        /// What does not fit.
        reason: ConvertError,
    },
    /// The body is not such a message in protobuf, or one that lacks required fields.
    #[error("Failed to parse body into {message} protobuf")]
    NotProtobuf {
        /// Name of the message, without its package.
        message: &'static str,
    },
}

/// Decodes a message from JSON, as [`crate::json`] describes it. All required fields are there.
///
/// # Errors
/// [`DecodeError`], never `NotProtobuf`.
pub fn decode_json<M: Message + Name + Default>(body: &[u8]) -> Result<M, DecodeError> {
    check_size(body)?;
    let not_convertible = |reason| DecodeError::NotConvertible {
        message: M::NAME,
        reason,
    };
    let bytes = json::to_protobuf::<M>(body).map_err(|error| match error {
        ReadError::Convert(reason) => not_convertible(reason),
        syntax @ ReadError::Syntax { .. } => DecodeError::NotJson(syntax.to_string()),
    })?;
    let too_large = |error: WalkError| not_convertible(ConvertError::TooLarge(error.to_string()));
    let missing = required::missing::<M>(&bytes).map_err(too_large)?;
    if !missing.is_empty() {
        return Err(not_convertible(ConvertError::Missing(missing)));
    }
    Ok(M::decode(bytes.as_slice()).expect("what was just written, and walked, is well-formed"))
}

/// Decodes a message from protobuf. All required fields are there.
///
/// # Errors
/// [`DecodeError::TooLarge`] or [`DecodeError::NotProtobuf`].
pub fn decode_protobuf<M: Message + Name + Default>(body: &[u8]) -> Result<M, DecodeError> {
    check_size(body)?;
    let malformed = DecodeError::NotProtobuf { message: M::NAME };
    if !required::missing::<M>(body).is_ok_and(|missing| missing.is_empty()) {
        return Err(malformed);
    }
    M::decode(body).map_err(|_| malformed)
}

fn check_size(body: &[u8]) -> Result<(), DecodeError> {
    if body.len() > BODY_BYTES_MAX {
        return Err(DecodeError::TooLarge(body.len()));
    }
    Ok(())
}
