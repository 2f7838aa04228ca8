//! The protobuf wire format, as far as walking a message beside its [`crate::schema`] needs it.
//!
//! Source: "Encoding" in the protobuf documentation, <https://protobuf.dev/programming-guides/encoding/>.

/// The bytes are not those of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("malformed protobuf")]
pub struct Malformed;

/// One value, before its type is known.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Wire<'a> {
    Varint(u64),
    Fixed64(u64),
    Fixed32(u32),
    /// A text, bytes, a message, or packed numbers.
    Bytes(&'a [u8]),
}

/// Wire types: the low three bits of a field's key.
const VARINT: u64 = 0;
const FIXED64: u64 = 1;
const BYTES: u64 = 2;
const GROUP_START: u64 = 3;
const GROUP_END: u64 = 4;
const FIXED32: u64 = 5;

/// Walks the fields of one message: field numbers and values, in the order they were written.
/// Groups, which no message of ours has, are passed over.
pub(crate) struct Fields<'a> {
    rest: &'a [u8],
}

impl<'a> Fields<'a> {
    pub(crate) fn of(message: &'a [u8]) -> Self {
        Self { rest: message }
    }

    fn next_field(&mut self) -> Result<Option<(u32, Wire<'a>)>, Malformed> {
        let mut open_groups = 0_u32;
        while !self.rest.is_empty() {
            let key = self.varint()?;
            let number = u32::try_from(key >> 3).map_err(|_| Malformed)?;
            match key & 7 {
                GROUP_START => open_groups += 1,
                GROUP_END => open_groups = open_groups.checked_sub(1).ok_or(Malformed)?,
                wire_type => {
                    let value = self.value(wire_type)?;
                    if open_groups == 0 {
                        return Ok(Some((number, value)));
                    }
                }
            }
        }
        if open_groups == 0 {
            Ok(None)
        } else {
            Err(Malformed)
        }
    }

    fn value(&mut self, wire_type: u64) -> Result<Wire<'a>, Malformed> {
        match wire_type {
            VARINT => Ok(Wire::Varint(self.varint()?)),
            FIXED64 => Ok(Wire::Fixed64(u64::from_le_bytes(self.array()?))),
            FIXED32 => Ok(Wire::Fixed32(u32::from_le_bytes(self.array()?))),
            BYTES => {
                let length = usize::try_from(self.varint()?).map_err(|_| Malformed)?;
                let (value, rest) = self.rest.split_at_checked(length).ok_or(Malformed)?;
                self.rest = rest;
                Ok(Wire::Bytes(value))
            }
            _ => Err(Malformed),
        }
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Malformed> {
        let (value, rest) = self.rest.split_first_chunk().ok_or(Malformed)?;
        self.rest = rest;
        Ok(*value)
    }

    fn varint(&mut self) -> Result<u64, Malformed> {
        let mut value = 0_u64;
        // Ten groups of seven bits hold any 64-bit number.
        for shift in (0..70).step_by(7) {
            let (byte, rest) = self.rest.split_first().ok_or(Malformed)?;
            self.rest = rest;
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(Malformed)
    }
}

impl<'a> Iterator for Fields<'a> {
    type Item = Result<(u32, Wire<'a>), Malformed>;

    fn next(&mut self) -> Option<Self::Item> {
        let field = self.next_field().transpose();
        if matches!(field, Some(Err(_))) {
            self.rest = &[];
        }
        field
    }
}

pub(crate) fn put_varint(out: &mut Vec<u8>, number: u32, value: u64) {
    put_key(out, number, VARINT);
    put_raw_varint(out, value);
}

pub(crate) fn put_fixed64(out: &mut Vec<u8>, number: u32, value: u64) {
    put_key(out, number, FIXED64);
    out.extend_from_slice(&value.to_le_bytes());
}

pub(crate) fn put_bytes(out: &mut Vec<u8>, number: u32, value: &[u8]) {
    put_key(out, number, BYTES);
    put_raw_varint(out, value.len() as u64);
    out.extend_from_slice(value);
}

fn put_key(out: &mut Vec<u8>, number: u32, wire_type: u64) {
    put_raw_varint(out, u64::from(number) << 3 | wire_type);
}

fn put_raw_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value.to_le_bytes()[0] | 0x80);
        value >>= 7;
    }
    out.push(value.to_le_bytes()[0]);
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn fields(bytes: &[u8]) -> Result<Vec<(u32, Wire<'_>)>, Malformed> {
        Fields::of(bytes).collect()
    }

    #[test]
    fn what_is_put_is_found_again() {
        let mut bytes = Vec::new();
        put_varint(&mut bytes, 1, u64::MAX);
        put_fixed64(&mut bytes, 2, 7);
        put_bytes(&mut bytes, 50_001, b"module");
        let expected = vec![
            (1, Wire::Varint(u64::MAX)),
            (2, Wire::Fixed64(7)),
            (50_001, Wire::Bytes(b"module")),
        ];
        assert_eq!(fields(&bytes), Ok(expected));
    }

    #[test]
    fn groups_are_passed_over() {
        // Field 1 as a group that holds field 2 = 5, then field 3 = 1.
        assert_eq!(
            fields(&[0x0b, 0x10, 0x05, 0x0c, 0x18, 0x01]),
            Ok(vec![(3, Wire::Varint(1))])
        );
    }

    #[test]
    fn cut_or_senseless_bytes_are_malformed() {
        for bytes in [
            &[0x08][..],
            &[0x0a, 0x05, 0x00],
            &[0x0f],
            &[0x0b],
            &[0x0c],
            &[0xff; 11],
            &[0x09, 0],
        ] {
            assert_eq!(fields(bytes), Err(Malformed), "{bytes:?}");
        }
    }
}
