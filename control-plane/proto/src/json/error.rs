//! Why a JSON text is no message.

use crate::required::DEPTH_MAX;

/// Why a JSON text is no message. The sentences are those of Mesos where Mesos has one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// The text is not JSON.
    #[error("syntax error at line {line} near: {near}")]
    Syntax {
        /// Counted from one.
        line: usize,
        /// What follows the error in that line, shortened.
        near: String,
    },
    /// The JSON does not fit the message.
    #[error(transparent)]
    Convert(#[from] ConvertError),
}

/// Why a JSON document does not fit a message. The sentences are those of Mesos where Mesos has one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConvertError {
    /// The document is something else than an object.
    #[error("Expecting a JSON object")]
    NotAnObject,
    /// A value is of a kind that its field cannot take.
    #[error("Not expecting a JSON {found} for field '{field}'")]
    Unexpected {
        /// `object`, `array`, `string`, `number` or `boolean`.
        found: &'static str,
        /// Name of the field.
        field: String,
    },
    /// A string stands where a number or a boolean is expected, and is none.
    #[error("Failed to parse '{text}' as a JSON {wanted} for field '{field}'")]
    Unparsable {
        /// `number` or `boolean`.
        wanted: &'static str,
        /// The string.
        text: String,
        /// Name of the field.
        field: String,
    },
    /// A number does not fit the type of its field.
    #[error("The number {number} is out of range for field '{field}'")]
    OutOfRange {
        /// The number as it was read.
        number: String,
        /// Name of the field.
        field: String,
    },
    /// A required enumeration has a value that does not exist.
    #[error("Failed to find enum for '{0}'")]
    UnknownEnum(String),
    /// A string is not base64.
    #[error("Failed to base64 decode bytes field '{field}': {reason}")]
    Base64 {
        /// Name of the field.
        field: String,
        /// What is wrong with the string.
        reason: base64::DecodeError,
    },
    /// Messages are nested deeper than [`DEPTH_MAX`].
    #[error("Messages are nested more than {DEPTH_MAX} levels deep")]
    TooDeep,
    /// Required fields are absent.
    #[error("Missing required fields: {}", .0.join(", "))]
    Missing(Vec<String>),
    /// The document holds too much in too small a space to be decoded.
    #[error("Too large: {0}")]
    TooLarge(String),
}
