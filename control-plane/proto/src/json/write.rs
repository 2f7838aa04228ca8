//! From protobuf bytes to JSON text.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use prost::Name;
use prost_types::field_descriptor_proto::Label;
use serde::Serialize;

use crate::schema::{EnumId, Field, Kind, MessageId, Schema};
use crate::wire::{Fields, Wire};

/// Appends the JSON text of `message`, an `M` as the generated code encodes it, to `out`.
///
/// That it was encoded here matters: the values of a repeated field stand together and unpacked, and
/// nothing is malformed.
pub(super) fn from_protobuf<M: Name>(message: &[u8], out: &mut Vec<u8>) {
    let schema = Schema::get();
    Writer {
        schema,
        fields: Vec::new(),
        out,
    }
    .message(schema.id_of::<M>(), message);
}

struct Writer<'a> {
    schema: &'static Schema,
    /// Fields yet to be written of the messages being written, innermost last: the position in the
    /// order of declaration, and the value. One list for all saves an allocation per message.
    fields: Vec<(usize, Wire<'a>)>,
    out: &'a mut Vec<u8>,
}

impl<'a> Writer<'a> {
    fn message(&mut self, id: MessageId, bytes: &'a [u8]) {
        let message = self.schema.message(id);
        let start = self.fields.len();
        self.gather(id, bytes);
        self.out.push(b'{');
        let mut first = true;
        let mut next = start;
        while let Some(&(position, _)) = self.fields.get(next) {
            let same = self.fields[next..]
                .iter()
                .take_while(|field| field.0 == position)
                .count();
            self.separate(&mut first);
            self.field(&message.fields[position], next..next + same);
            next += same;
        }
        self.out.push(b'}');
        self.fields.truncate(start);
    }

    /// Pushes the fields of a message, in the order of declaration.
    fn gather(&mut self, id: MessageId, bytes: &'a [u8]) {
        let message = self.schema.message(id);
        let start = self.fields.len();
        for field in Fields::of(bytes) {
            let (number, value) = field.expect("the generated code encodes well-formed messages");
            if let Some((position, field)) = message.field(number)
                && self.has_text(field.kind, value)
            {
                self.fields.push((position, value));
            }
        }
        self.fields[start..].sort_by_key(|field| field.0);
    }

    /// An enumeration value that the schema does not know has no name to write, and is left out.
    fn has_text(&self, kind: Kind, value: Wire<'_>) -> bool {
        match (kind, value) {
            (Kind::Enum(id), Wire::Varint(number)) => self.schema.enumeration(id).has(number),
            _ => true,
        }
    }

    fn field(&mut self, field: &'static Field, values: std::ops::Range<usize>) {
        self.json(&field.name);
        self.out.push(b':');
        if let Kind::Map(entry) = field.kind {
            return self.map(entry, values);
        }
        if field.label != Label::Repeated {
            return self.value(field.kind, self.fields[values.start].1);
        }
        self.out.push(b'[');
        let mut first = true;
        for at in values {
            self.separate(&mut first);
            self.value(field.kind, self.fields[at].1);
        }
        self.out.push(b']');
    }

    fn map(&mut self, entry: MessageId, values: std::ops::Range<usize>) {
        self.out.push(b'{');
        let mut first = true;
        for at in values {
            self.separate(&mut first);
            self.entry(entry, self.fields[at].1);
        }
        self.out.push(b'}');
    }

    /// A key or value equal to the default of its type is left out by the generated code.
    fn entry(&mut self, id: MessageId, entry: Wire<'a>) {
        let (mut key, mut value) = (Wire::Bytes(b""), None);
        let Wire::Bytes(bytes) = entry else { return };
        for field in Fields::of(bytes) {
            match field.expect("the generated code encodes well-formed messages") {
                (1, found) => key = found,
                (2, found) => value = Some(found),
                _ => {}
            }
        }
        self.value(Kind::String, key);
        self.out.push(b':');
        let (_, field) = self
            .schema
            .message(id)
            .field(2)
            .expect("map entries have a value");
        match value {
            Some(value) => self.value(field.kind, value),
            None => self.default(field.kind),
        }
    }

    fn default(&mut self, kind: Kind) {
        match kind {
            Kind::Bool => self.json(&false),
            Kind::Int32 | Kind::Int64 | Kind::Uint32 | Kind::Uint64 => self.json(&0),
            Kind::Double => self.json(&0.0),
            Kind::String | Kind::Bytes => self.json(""),
            Kind::Enum(id) => self.json(self.schema.enumeration(id).first()),
            Kind::Message(id) | Kind::Map(id) => {
                self.out.push(b'{');
                let mut first = true;
                for field in self.schema.message(id).required() {
                    self.separate(&mut first);
                    self.json(&field.name);
                    self.out.push(b':');
                    self.default(field.kind);
                }
                self.out.push(b'}');
            }
        }
    }

    fn value(&mut self, kind: Kind, value: Wire<'a>) {
        match (kind, value) {
            (Kind::Bool, Wire::Varint(bits)) => self.json(&(bits != 0)),
            // A negative 32-bit integer is written as its 64-bit extension.
            (Kind::Int32 | Kind::Int64, Wire::Varint(bits)) => self.json(&bits.cast_signed()),
            (Kind::Uint32 | Kind::Uint64, Wire::Varint(bits)) => self.json(&bits),
            (Kind::Double, Wire::Fixed64(bits)) => self.double(f64::from_bits(bits)),
            (Kind::Enum(id), Wire::Varint(bits)) => self.name(id, bits),
            (Kind::String, Wire::Bytes(bytes)) => self.json(&String::from_utf8_lossy(bytes)),
            (Kind::Bytes, Wire::Bytes(bytes)) => self.json(&BASE64_STANDARD.encode(bytes)),
            (Kind::Message(id), Wire::Bytes(bytes)) => self.message(id, bytes),
            (kind, value) => unreachable!("the generated code wrote a {kind:?} as {value:?}"),
        }
    }

    /// Infinite doubles, which JSON has no number for, are the strings that are read as such.
    fn double(&mut self, value: f64) {
        if value.is_finite() {
            self.json(&value);
        } else if value.is_nan() {
            self.json("NaN");
        } else {
            self.json(if value > 0.0 { "Infinity" } else { "-Infinity" });
        }
    }

    fn name(&mut self, id: EnumId, number: u64) {
        if let Some(name) = self.schema.enumeration(id).name(number) {
            self.json(name);
        }
    }

    fn json<T: Serialize + ?Sized>(&mut self, value: &T) {
        serde_json::to_writer(&mut *self.out, value)
            .expect("texts, numbers and booleans can be written to memory");
    }

    fn separate(&mut self, first: &mut bool) {
        if !std::mem::take(first) {
            self.out.push(b',');
        }
    }
}
