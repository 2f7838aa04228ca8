//! Finds required fields that are not there.
//!
//! A decoder of proto2 has to refuse a message that lacks a required field. The generated types
//! cannot: to them a missing `user` is an empty one. So the bytes are walked beside the schema first.

use prost::Name;
use prost_types::field_descriptor_proto::Label;

use crate::schema::{Field, Kind, MessageId, Schema};
use crate::wire::{Fields, Malformed, Wire};

/// Most messages within one message, at all levels.
///
/// A message may take two bytes on the wire and half a kilobyte in memory, so the bytes alone do not
/// bound what decoding costs. So many messages take at most some hundred megabytes, for the moment
/// in which the call is handled; a reconciliation of 50,000 tasks has 150,000.
pub const MESSAGES_MAX: usize = 1 << 18;

/// Deepest nesting of messages, the limit of the generated decoders. Of the Mesos messages only
/// `ContainerID` can contain itself; all others together reach twelve levels.
pub const DEPTH_MAX: usize = 64;

/// More missing fields than this are not listed: nobody reads them.
const LISTED_MAX: usize = 100;

/// Why a message cannot be walked to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum WalkError {
    /// The bytes are not those of a message.
    #[error(transparent)]
    Malformed(#[from] Malformed),
    /// There are more than [`MESSAGES_MAX`] messages in it.
    #[error("more than {MESSAGES_MAX} messages in one")]
    TooMany,
    /// The nesting is deeper than [`DEPTH_MAX`].
    #[error("messages nested more than {DEPTH_MAX} levels deep")]
    TooDeep,
}

/// Paths of the required fields that `bytes`, an encoded `M`, lacks, as Mesos names them:
/// `accept.operations[0].launch.task_infos[1].name`. Empty if none is missing.
///
/// A required enumeration with an unknown number is missing, as in every proto2 decoder. Of very
/// many missing fields the first hundred are listed.
///
/// # Errors
/// [`WalkError`], if the bytes are no message or one beyond the bounds.
pub fn missing<M: Name>(bytes: &[u8]) -> Result<Vec<String>, WalkError> {
    let schema = Schema::get();
    let mut walk = Walk {
        schema,
        path: String::new(),
        missing: Vec::new(),
        messages: 0,
        depth: 0,
    };
    walk.message(schema.id_of::<M>(), bytes)?;
    Ok(walk.missing)
}

struct Walk {
    schema: &'static Schema,
    /// Of the message being walked; empty or ending with a dot.
    path: String,
    missing: Vec<String>,
    messages: usize,
    depth: usize,
}

impl Walk {
    fn message(&mut self, id: MessageId, bytes: &[u8]) -> Result<(), WalkError> {
        self.messages += 1;
        if self.messages > MESSAGES_MAX {
            return Err(WalkError::TooMany);
        }
        if self.depth == DEPTH_MAX {
            return Err(WalkError::TooDeep);
        }
        self.depth += 1;
        let present = self.present(id, bytes)?;
        self.list_missing(id, &present);
        for of_one_field in present.chunk_by(|left, right| left.0.number == right.0.number) {
            self.inner(of_one_field)?;
        }
        self.depth -= 1;
        Ok(())
    }

    /// The known fields of a message with their values, in the order of their numbers.
    fn present<'a>(
        &self,
        id: MessageId,
        bytes: &'a [u8],
    ) -> Result<Vec<(&'static Field, Wire<'a>)>, Malformed> {
        let message = self.schema.message(id);
        let mut present = Vec::new();
        for field in Fields::of(bytes) {
            let (number, value) = field?;
            if let Some((_, field)) = message.field(number)
                && self.is_known(field, value)
            {
                present.push((field, value));
            }
        }
        present.sort_by_key(|(field, _)| field.number);
        Ok(present)
    }

    fn is_known(&self, field: &Field, value: Wire<'_>) -> bool {
        match (field.kind, value) {
            (Kind::Enum(id), Wire::Varint(number)) => self.schema.enumeration(id).has(number),
            _ => true,
        }
    }

    fn list_missing(&mut self, id: MessageId, present: &[(&'static Field, Wire<'_>)]) {
        for field in self.schema.message(id).required() {
            let there = present.binary_search_by_key(&field.number, |(field, _)| field.number);
            if there.is_err() && self.missing.len() < LISTED_MAX {
                self.missing.push(format!("{}{}", self.path, field.name));
            }
        }
    }

    /// Walks the messages in all values of one field.
    fn inner(&mut self, values: &[(&'static Field, Wire<'_>)]) -> Result<(), WalkError> {
        let Some((field, _)) = values.first() else {
            return Ok(());
        };
        let (Kind::Message(id) | Kind::Map(id)) = field.kind else {
            return Ok(());
        };
        let messages = values.iter().filter_map(|(_, value)| match value {
            Wire::Bytes(bytes) => Some(*bytes),
            _ => None,
        });
        let outer = self.path.len();
        if field.label == Label::Repeated {
            for (index, bytes) in messages.enumerate() {
                self.path.push_str(&format!("{}[{index}].", field.name));
                self.message(id, bytes)?;
                self.path.truncate(outer);
            }
            return Ok(());
        }
        self.path.push_str(&field.name);
        self.path.push('.');
        // A message that is not repeated but written in several parts is all parts together.
        match values {
            [_] => messages
                .into_iter()
                .try_for_each(|bytes| self.message(id, bytes))?,
            _ => self.message(id, &messages.collect::<Vec<_>>().concat())?,
        }
        self.path.truncate(outer);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use prost::Message;

    use super::*;
    use crate::mesos::v1::scheduler::Call;
    use crate::mesos::v1::{ContainerId, TaskInfo, TaskStatus};
    use crate::wire::{put_bytes, put_varint};

    #[test]
    fn a_whole_message_misses_nothing() {
        let bytes = TaskStatus::default().encode_to_vec();
        assert_eq!(missing::<TaskStatus>(&bytes), Ok(vec![]));
    }

    #[test]
    fn missing_fields_have_paths_their_own_message_first() {
        let mut kill = Vec::new();
        put_bytes(&mut kill, 2, b"");
        let mut call = Vec::new();
        put_bytes(&mut call, 6, &kill);
        assert_eq!(
            missing::<Call>(&call).unwrap(),
            ["kill.task_id", "kill.agent_id.value"]
        );
    }

    #[test]
    fn repeated_messages_and_map_entries_are_counted_from_zero() {
        let mut limit = Vec::new();
        put_bytes(&mut limit, 1, b"mem");
        put_bytes(&mut limit, 2, b"");
        let mut task = TaskInfo::default().encode_to_vec();
        put_bytes(&mut task, 4, b"");
        put_bytes(&mut task, 15, &limit);
        assert_eq!(
            missing::<TaskInfo>(&task).unwrap(),
            [
                "resources[0].name",
                "resources[0].type",
                "limits[0].value.value"
            ]
        );
    }

    #[test]
    fn an_unknown_state_is_a_missing_state() {
        let mut status = Vec::new();
        put_bytes(&mut status, 1, &[0x0a, 0x00]);
        put_varint(&mut status, 2, 4711);
        assert_eq!(missing::<TaskStatus>(&status).unwrap(), ["state"]);
    }

    #[test]
    fn a_message_in_two_parts_is_one() {
        let (mut id, mut uuid) = (Vec::new(), Vec::new());
        put_bytes(&mut id, 1, &[0x0a, 0x00]);
        put_bytes(&mut id, 2, &[0x0a, 0x00]);
        put_bytes(&mut uuid, 3, &[0; 16]);
        let mut call = Vec::new();
        put_bytes(&mut call, 8, &id);
        put_bytes(&mut call, 8, &uuid);
        assert_eq!(missing::<Call>(&call), Ok(vec![]));
    }

    #[test]
    fn depth_number_and_list_are_bounded() {
        let mut nested = Vec::new();
        put_bytes(&mut nested, 1, b"c");
        for _ in 0..DEPTH_MAX {
            let inner = std::mem::take(&mut nested);
            put_bytes(&mut nested, 1, b"c");
            put_bytes(&mut nested, 2, &inner);
        }
        assert_eq!(missing::<ContainerId>(&nested), Err(WalkError::TooDeep));

        let many_resources = [0x22, 0x00].repeat(MESSAGES_MAX);
        assert_eq!(
            missing::<TaskInfo>(&many_resources),
            Err(WalkError::TooMany)
        );
        assert_eq!(
            missing::<TaskInfo>(&many_resources[..2000]).unwrap().len(),
            LISTED_MAX
        );
    }
}
