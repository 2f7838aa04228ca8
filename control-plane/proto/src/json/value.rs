//! Single JSON values as fields of a message: what fits what.

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use prost_types::field_descriptor_proto::Label;
use serde_json::Number;

use super::error::ConvertError;
use crate::schema::{EnumId, Field, Kind, Schema};
use crate::wire::{put_bytes, put_fixed64, put_varint};

/// Takes base64 with and without its trailing `=`.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

pub(super) fn boolean(field: &Field, value: bool, out: &mut Vec<u8>) -> Result<(), ConvertError> {
    if field.kind != Kind::Bool {
        return Err(unexpected(field, "boolean"));
    }
    put_varint(out, field.number, u64::from(value));
    Ok(())
}

/// Fractions are cut off where an integer is expected, as Mesos does.
pub(super) fn number(field: &Field, value: &Number, out: &mut Vec<u8>) -> Result<(), ConvertError> {
    let bits = match field.kind {
        Kind::Double => {
            let value = value
                .as_f64()
                .expect("every JSON number has a nearest double");
            put_fixed64(out, field.number, value.to_bits());
            return Ok(());
        }
        Kind::Int32 => integer(value)
            .and_then(|value| i32::try_from(value).ok())
            .map(|v| i64::from(v).cast_unsigned()),
        Kind::Int64 => integer(value)
            .and_then(|value| i64::try_from(value).ok())
            .map(i64::cast_unsigned),
        Kind::Uint32 => integer(value)
            .and_then(|value| u32::try_from(value).ok())
            .map(u64::from),
        Kind::Uint64 => integer(value).and_then(|value| u64::try_from(value).ok()),
        _ => return Err(unexpected(field, "number")),
    };
    let out_of_range = || ConvertError::OutOfRange {
        number: value.to_string(),
        field: field.name.clone(),
    };
    put_varint(out, field.number, bits.ok_or_else(out_of_range)?);
    Ok(())
}

pub(super) fn string(field: &Field, text: &str, out: &mut Vec<u8>) -> Result<(), ConvertError> {
    match field.kind {
        Kind::String => put_bytes(out, field.number, text.as_bytes()),
        Kind::Bytes => put_bytes(out, field.number, &base64(field, text)?),
        Kind::Enum(id) => return enumeration(field, id, text, out),
        Kind::Bool => return boolean(field, parse(field, text, "boolean")?, out),
        Kind::Double if infinite(text).is_some() => {
            let value = infinite(text).unwrap_or_default();
            put_fixed64(out, field.number, value.to_bits());
        }
        Kind::Double | Kind::Int32 | Kind::Int64 | Kind::Uint32 | Kind::Uint64 => {
            return number(field, &parse(field, text, "number")?, out);
        }
        Kind::Message(_) | Kind::Map(_) => return Err(unexpected(field, "string")),
    }
    Ok(())
}

pub(super) fn unexpected(field: &Field, found: &'static str) -> ConvertError {
    ConvertError::Unexpected {
        found,
        field: field.name.clone(),
    }
}

/// A value that does not exist leaves the field unset, so that a newer client can talk to an older
/// server. A required field cannot be unset.
fn enumeration(
    field: &Field,
    id: EnumId,
    name: &str,
    out: &mut Vec<u8>,
) -> Result<(), ConvertError> {
    match Schema::get().enumeration(id).number(name) {
        Some(number) => put_varint(out, field.number, i64::from(number).cast_unsigned()),
        None if field.label == Label::Required => {
            return Err(ConvertError::UnknownEnum(name.to_owned()));
        }
        None => {}
    }
    Ok(())
}

fn base64(field: &Field, text: &str) -> Result<Vec<u8>, ConvertError> {
    BASE64.decode(text).map_err(|reason| ConvertError::Base64 {
        field: field.name.clone(),
        reason,
    })
}

fn parse<T: serde::de::DeserializeOwned>(
    field: &Field,
    text: &str,
    wanted: &'static str,
) -> Result<T, ConvertError> {
    serde_json::from_str(text).map_err(|_| ConvertError::Unparsable {
        wanted,
        text: text.to_owned(),
        field: field.name.clone(),
    })
}

fn infinite(text: &str) -> Option<f64> {
    match text {
        "Infinity" => Some(f64::INFINITY),
        "-Infinity" => Some(f64::NEG_INFINITY),
        "NaN" => Some(f64::NAN),
        _ => None,
    }
}

fn integer(value: &Number) -> Option<i128> {
    if let Some(value) = value.as_i64() {
        return Some(value.into());
    }
    if let Some(value) = value.as_u64() {
        return Some(value.into());
    }
    #[expect(
        clippy::cast_possible_truncation,
        reason = "the cut is wanted, and `as` saturates"
    )]
    value.as_f64().map(|value| value as i128)
}
