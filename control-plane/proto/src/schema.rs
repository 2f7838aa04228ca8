//! The Mesos model as tables, read once from the embedded descriptors.
//!
//! [`crate::json`] and [`crate::required`] walk these tables beside the bytes of a message. That
//! keeps what proto2 promises and the generated Rust types have lost: which fields are required,
//! whether they were there, and in which order they are declared, which is the order Mesos prints.

use std::collections::HashMap;
use std::sync::LazyLock;

use prost::{Message as _, Name};
use prost_types::field_descriptor_proto::{Label, Type};
use prost_types::{DescriptorProto, EnumDescriptorProto, FieldDescriptorProto, FileDescriptorSet};

/// Descriptors of every `.proto` file of this crate and of what they import, as the bytes of a
/// `google.protobuf.FileDescriptorSet`.
pub const DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.bin"));

/// Index of a message type in [`Schema::messages`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct MessageId(usize);

/// Index of an enumeration in [`Schema::enums`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct EnumId(usize);

/// All message types and enumerations of the packages below `mesos`.
pub(crate) struct Schema {
    messages: Vec<MessageType>,
    enums: Vec<EnumType>,
    by_name: HashMap<String, MessageId>,
}

pub(crate) struct MessageType {
    /// In the order of declaration.
    pub(crate) fields: Vec<Field>,
    /// Field numbers, ascending, with positions in `fields`.
    by_number: Vec<(u32, usize)>,
    /// Field names, ascending, with positions in `fields`.
    by_name: Vec<(String, usize)>,
}

pub(crate) struct Field {
    pub(crate) name: String,
    pub(crate) number: u32,
    pub(crate) label: Label,
    pub(crate) kind: Kind,
}

/// What a field holds. The packages below `mesos` use no other types of protobuf than these.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Bool,
    Int32,
    Int64,
    Uint32,
    Uint64,
    Double,
    String,
    Bytes,
    Enum(EnumId),
    Message(MessageId),
    /// Entries with the field `key` (number 1) and the field `value` (number 2); keys are texts.
    Map(MessageId),
}

pub(crate) struct EnumType {
    values: Vec<(String, i32)>,
}

impl Schema {
    pub(crate) fn get() -> &'static Self {
        static SCHEMA: LazyLock<Schema> = LazyLock::new(|| {
            let files =
                FileDescriptorSet::decode(DESCRIPTORS).expect("build.rs wrote these descriptors");
            Schema::read(&files)
        });
        &SCHEMA
    }

    /// The table of a generated type.
    pub(crate) fn id_of<M: Name>(&self) -> MessageId {
        *self
            .by_name
            .get(&M::full_name())
            .expect("only messages of the packages below `mesos` have a JSON form")
    }

    pub(crate) fn message(&self, id: MessageId) -> &MessageType {
        &self.messages[id.0]
    }

    pub(crate) fn enumeration(&self, id: EnumId) -> &EnumType {
        &self.enums[id.0]
    }

    fn read(files: &FileDescriptorSet) -> Self {
        let mut names = Names::default();
        let files = || files.file.iter().filter(|file| is_mesos(file.package()));
        for file in files() {
            names.add(file.package(), &file.message_type, &file.enum_type);
        }
        let messages = names
            .messages
            .iter()
            .map(|message| names.message_type(message))
            .collect();
        let enums = names
            .enums
            .iter()
            .map(|enumeration| enum_type(enumeration))
            .collect();
        Self {
            messages,
            enums,
            by_name: names.message_ids,
        }
    }
}

impl MessageType {
    /// The field of that number, with its position in the order of declaration.
    pub(crate) fn field(&self, number: u32) -> Option<(usize, &Field)> {
        let at = self
            .by_number
            .binary_search_by_key(&number, |entry| entry.0)
            .ok()?;
        let position = self.by_number[at].1;
        Some((position, &self.fields[position]))
    }

    pub(crate) fn field_by_name(&self, name: &str) -> Option<&Field> {
        let at = self
            .by_name
            .binary_search_by(|entry| entry.0.as_str().cmp(name))
            .ok()?;
        Some(&self.fields[self.by_name[at].1])
    }

    /// The required fields, in the order of declaration.
    pub(crate) fn required(&self) -> impl Iterator<Item = &Field> {
        self.fields
            .iter()
            .filter(|field| field.label == Label::Required)
    }
}

impl EnumType {
    /// The name of a number on the wire.
    pub(crate) fn name(&self, number: u64) -> Option<&str> {
        let on_wire = |number: i32| i64::from(number).cast_unsigned();
        self.values
            .iter()
            .find(|value| on_wire(value.1) == number)
            .map(|value| value.0.as_str())
    }

    /// The name of the value that is the default.
    pub(crate) fn first(&self) -> &str {
        &self.values[0].0
    }

    /// Whether a number on the wire is one of the enumeration's.
    pub(crate) fn has(&self, number: u64) -> bool {
        self.name(number).is_some()
    }

    pub(crate) fn number(&self, name: &str) -> Option<i32> {
        self.values
            .iter()
            .find(|value| value.0 == name)
            .map(|value| value.1)
    }
}

/// The descriptors flattened: nested types beside their parents, every one under its full name.
#[derive(Default)]
struct Names<'a> {
    messages: Vec<&'a DescriptorProto>,
    message_ids: HashMap<String, MessageId>,
    enums: Vec<&'a EnumDescriptorProto>,
    enum_ids: HashMap<String, EnumId>,
}

impl<'a> Names<'a> {
    fn add(
        &mut self,
        scope: &str,
        messages: &'a [DescriptorProto],
        enums: &'a [EnumDescriptorProto],
    ) {
        for enumeration in enums {
            let id = EnumId(self.enums.len());
            self.enums.push(enumeration);
            self.enum_ids
                .insert(format!("{scope}.{}", enumeration.name()), id);
        }
        for message in messages {
            let id = MessageId(self.messages.len());
            let name = format!("{scope}.{}", message.name());
            self.messages.push(message);
            self.add(&name, &message.nested_type, &message.enum_type);
            self.message_ids.insert(name, id);
        }
    }

    fn message_type(&self, message: &DescriptorProto) -> MessageType {
        let fields: Vec<Field> = message
            .field
            .iter()
            .map(|field| self.field(field))
            .collect();
        let mut by_number: Vec<_> = fields
            .iter()
            .enumerate()
            .map(|(at, field)| (field.number, at))
            .collect();
        by_number.sort_unstable();
        let mut by_name: Vec<_> = fields
            .iter()
            .enumerate()
            .map(|(at, field)| (field.name.clone(), at))
            .collect();
        by_name.sort_unstable();
        MessageType {
            fields,
            by_number,
            by_name,
        }
    }

    fn field(&self, field: &FieldDescriptorProto) -> Field {
        let number = u32::try_from(field.number()).expect("field numbers are positive");
        Field {
            name: field.name().to_owned(),
            number,
            label: field.label(),
            kind: self.kind(field),
        }
    }

    fn kind(&self, field: &FieldDescriptorProto) -> Kind {
        match field.r#type() {
            Type::Bool => Kind::Bool,
            Type::Int32 => Kind::Int32,
            Type::Int64 => Kind::Int64,
            Type::Uint32 => Kind::Uint32,
            Type::Uint64 => Kind::Uint64,
            Type::Double => Kind::Double,
            Type::String => Kind::String,
            Type::Bytes => Kind::Bytes,
            Type::Enum => Kind::Enum(self.enum_ids[local(field.type_name())]),
            Type::Message => {
                let id = self.message_ids[local(field.type_name())];
                if is_map_entry(self.messages[id.0]) {
                    Kind::Map(id)
                } else {
                    Kind::Message(id)
                }
            }
            other => unreachable!("the Mesos model has no field of type {other:?}"),
        }
    }
}

fn enum_type(enumeration: &EnumDescriptorProto) -> EnumType {
    let values = &enumeration.value;
    EnumType {
        values: values
            .iter()
            .map(|value| (value.name().to_owned(), value.number()))
            .collect(),
    }
}

fn is_mesos(package: &str) -> bool {
    package == "mesos" || package.starts_with("mesos.")
}

fn is_map_entry(message: &DescriptorProto) -> bool {
    message
        .options
        .as_ref()
        .is_some_and(|options| options.map_entry())
}

/// Type names in descriptors are absolute: they start with a dot.
fn local(type_name: &str) -> &str {
    type_name.trim_start_matches('.')
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::mesos::v1::scheduler::Call;

    #[test]
    fn fields_are_found_by_number_and_name_and_keep_their_declared_order() {
        let schema = Schema::get();
        let call = schema.message(schema.id_of::<Call>());
        let (position, field) = call.field(15).unwrap();
        assert_eq!(field.name, "revive");
        assert_eq!(call.fields[position].number, 15);
        assert_eq!(call.field_by_name("update_framework").unwrap().number, 19);
        assert!(call.field_by_name("slave_id").is_none());
        assert_eq!(call.fields[0].name, "framework_id");
    }

    #[test]
    fn maps_are_told_from_repeated_messages() {
        let schema = Schema::get();
        let task = schema.message(schema.id_of::<crate::mesos::v1::TaskInfo>());
        assert!(matches!(
            task.field_by_name("limits").unwrap().kind,
            Kind::Map(_)
        ));
        assert!(matches!(
            task.field_by_name("resources").unwrap().kind,
            Kind::Message(_)
        ));
        assert_eq!(task.field_by_name("wasm").unwrap().number, 50001);
    }
}
