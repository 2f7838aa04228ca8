//! From JSON text to protobuf bytes.

use prost::Name;
use serde::de::{DeserializeSeed as _, IgnoredAny};

use super::error::{ConvertError, ReadError};
use super::visit::{Document, Reader};
use crate::schema::Schema;

/// The protobuf bytes of the `M` that a JSON text describes. Required fields may still be missing.
///
/// # Errors
/// [`ReadError::Syntax`] if `text` is not JSON, also where it would not fit the message either.
pub(crate) fn to_protobuf<M: Name>(text: &[u8]) -> Result<Vec<u8>, ReadError> {
    let id = Schema::get().id_of::<M>();
    let mut reader = Reader::default();
    let mut bytes = Vec::with_capacity(text.len() / 2);
    let document = Document {
        reader: &mut reader,
        id,
        out: &mut bytes,
    };

    let mut json = serde_json::Deserializer::from_slice(text);
    let read = document.deserialize(&mut json).and_then(|()| json.end());
    let Err(error) = read else { return Ok(bytes) };
    if let Err(syntax) = serde_json::from_slice::<IgnoredAny>(text) {
        return Err(syntax_error(&syntax, text));
    }
    match reader.failure {
        Some(failure) => Err(failure.into()),
        None if error.is_data() => Err(ConvertError::NotAnObject.into()),
        None => Err(syntax_error(&error, text)),
    }
}

/// Describes a syntax error as Mesos does: with the rest of its line.
fn syntax_error(error: &serde_json::Error, text: &[u8]) -> ReadError {
    const NEAR_CHARS_MAX: usize = 80;
    let line = text
        .split(|byte| *byte == b'\n')
        .nth(error.line().saturating_sub(1));
    let rest = line
        .and_then(|line| line.get(error.column()..))
        .unwrap_or_default();
    let near = String::from_utf8_lossy(rest);
    let near = near
        .chars()
        .filter(|c| !c.is_control())
        .take(NEAR_CHARS_MAX)
        .collect();
    ReadError::Syntax {
        line: error.line(),
        near,
    }
}
