//! The shape of a JSON document: objects, lists and nulls, beside the schema of a message.

use std::fmt;

use prost_types::field_descriptor_proto::Label;
use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::Number;

use super::error::ConvertError;
use super::value;
use crate::required::DEPTH_MAX;
use crate::schema::{Field, Kind, MessageId, MessageType, Schema};
use crate::wire::put_bytes;

/// What is known while a document is read.
#[derive(Default)]
pub(super) struct Reader {
    /// Why the document does not fit. Kept here since an error of serde carries text only.
    pub(super) failure: Option<ConvertError>,
    depth: usize,
}

impl Reader {
    fn message<'de, A: MapAccess<'de>>(
        &mut self,
        id: MessageId,
        mut object: A,
        out: &mut Vec<u8>,
    ) -> Result<(), A::Error> {
        if self.depth == DEPTH_MAX {
            return self.refuse(ConvertError::TooDeep);
        }
        self.depth += 1;
        let message = Schema::get().message(id);
        while let Some(field) = object.next_key_seed(FieldName(message))? {
            match field {
                Some(field) => object.next_value_seed(FieldValue {
                    reader: self,
                    field,
                    out,
                })?,
                None => {
                    object.next_value::<IgnoredAny>()?;
                }
            }
        }
        self.depth -= 1;
        Ok(())
    }

    /// Entries of a map whose value is `null` are absent, like fields.
    fn map<'de, A: MapAccess<'de>>(
        &mut self,
        map: &Field,
        entry: MessageId,
        mut object: A,
        out: &mut Vec<u8>,
    ) -> Result<(), A::Error> {
        let entry = Schema::get().message(entry);
        let (_, field) = entry.field(2).expect("map entries have a value");
        while let Some(key) = object.next_key::<String>()? {
            let mut bytes = Vec::new();
            put_bytes(&mut bytes, 1, key.as_bytes());
            let key_alone = bytes.len();
            object.next_value_seed(FieldValue {
                reader: self,
                field,
                out: &mut bytes,
            })?;
            if bytes.len() > key_alone {
                put_bytes(out, map.number, &bytes);
            }
        }
        Ok(())
    }

    fn refuse<T, E: Error>(&mut self, failure: ConvertError) -> Result<T, E> {
        let error = E::custom(&failure);
        self.failure = Some(failure);
        Err(error)
    }
}

/// The whole document, which has to be an object.
pub(super) struct Document<'a> {
    pub(super) reader: &'a mut Reader,
    pub(super) id: MessageId,
    pub(super) out: &'a mut Vec<u8>,
}

impl<'de> DeserializeSeed<'de> for Document<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<(), D::Error> {
        json.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Document<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, object: A) -> Result<(), A::Error> {
        self.reader.message(self.id, object, self.out)
    }
}

/// The name of a field, or of something that the message does not know.
struct FieldName(&'static MessageType);

impl<'de> DeserializeSeed<'de> for FieldName {
    type Value = Option<&'static Field>;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<Self::Value, D::Error> {
        json.deserialize_str(self)
    }
}

impl Visitor<'_> for FieldName {
    type Value = Option<&'static Field>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a field name")
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<Self::Value, E> {
        Ok(self.0.field_by_name(name))
    }
}

/// The value of a field, written to `out` as the field.
struct FieldValue<'a> {
    reader: &'a mut Reader,
    field: &'static Field,
    out: &'a mut Vec<u8>,
}

impl FieldValue<'_> {
    fn put<E: Error>(self, put: Result<(), ConvertError>) -> Result<(), E> {
        put.or_else(|failure| self.reader.refuse(failure))
    }
}

impl<'de> DeserializeSeed<'de> for FieldValue<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<(), D::Error> {
        json.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for FieldValue<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON value")
    }

    /// `null` is an absent field.
    fn visit_unit<E: Error>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<(), E> {
        let put = value::boolean(self.field, value, self.out);
        self.put(put)
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<(), E> {
        let put = value::number(self.field, &value.into(), self.out);
        self.put(put)
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<(), E> {
        let put = value::number(self.field, &value.into(), self.out);
        self.put(put)
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<(), E> {
        let value = Number::from_f64(value).expect("JSON has finite numbers only");
        let put = value::number(self.field, &value, self.out);
        self.put(put)
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<(), E> {
        let put = value::string(self.field, value, self.out);
        self.put(put)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        let Self { reader, field, out } = self;
        if field.label != Label::Repeated {
            return reader.refuse(value::unexpected(field, "array"));
        }
        while list
            .next_element_seed(FieldValue { reader, field, out })?
            .is_some()
        {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, object: A) -> Result<(), A::Error> {
        match self.field.kind {
            Kind::Message(id) => {
                let mut bytes = Vec::new();
                self.reader.message(id, object, &mut bytes)?;
                put_bytes(self.out, self.field.number, &bytes);
                Ok(())
            }
            Kind::Map(entry) => self.reader.map(self.field, entry, object, self.out),
            _ => self.reader.refuse(value::unexpected(self.field, "object")),
        }
    }
}
