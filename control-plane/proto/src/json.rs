//! The JSON face of the messages below package `mesos`, as Mesos reads and writes it.
//!
//! *Written*: field names as declared (`snake_case`) and in the order of declaration, absent fields
//! left out, enumerations by name, 64-bit integers as numbers, doubles always with a fraction
//! (`15.0`), bytes as base64, maps as objects.
//!
//! *Read*: the same, and what real clients send besides. `null` is an absent field, unknown names
//! are passed over, a number or boolean may stand in a string, one value may stand where a list is
//! expected, an unknown enumeration value leaves an optional field unset, and `"Infinity"` is a
//! double. There are no special forms: a duration is an object like any other.
//!
//! Both directions go straight between text and protobuf bytes, beside the tables of the schema:
//! no document tree is built, so that a hostile body cannot take many times its size in memory.

mod error;
mod read;
mod value;
mod visit;
mod write;

use prost::{Message, Name};

pub use error::{ConvertError, ReadError};
pub(crate) use read::to_protobuf;

/// The JSON text of a message, without line breaks.
#[must_use]
pub fn encode_json<M: Message + Name>(message: &M) -> Vec<u8> {
    let mut text = Vec::new();
    encode_json_into(message, &mut text);
    text
}

/// Appends the JSON text of a message to `text`.
pub fn encode_json_into<M: Message + Name>(message: &M, text: &mut Vec<u8>) {
    write::from_protobuf::<M>(&message.encode_to_vec(), text);
}

/// The JSON of a message as a value, for documents that are put together from several messages.
#[must_use]
pub fn encode_json_value<M: Message + Name>(message: &M) -> serde_json::Value {
    serde_json::from_slice(&encode_json(message)).expect("what was just written is JSON")
}
