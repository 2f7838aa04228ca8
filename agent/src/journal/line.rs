//! One line: a checksum, a space, a JSON value.

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::crc::crc32c;

const CHECKSUM_DIGITS: usize = 8;

/// Appends the line of a value, its end included.
pub(super) fn append(out: &mut Vec<u8>, value: &impl Serialize) -> serde_json::Result<()> {
    let json = serde_json::to_vec(value)?;
    out.extend(format!("{:08x} ", crc32c(&json)).into_bytes());
    out.extend(json);
    out.push(b'\n');
    Ok(())
}

/// Reads a line without its end; nothing if it is not whole.
pub(super) fn read<T: DeserializeOwned>(line: &[u8]) -> Option<T> {
    let (checksum, rest) = line.split_at_checked(CHECKSUM_DIGITS)?;
    let json = rest.strip_prefix(b" ")?;
    let checksum = u32::from_str_radix(std::str::from_utf8(checksum).ok()?, 16).ok()?;
    if checksum != crc32c(json) {
        return None;
    }
    serde_json::from_slice(json).ok()
}
