//! The framing of an event stream: a length in decimal, a line feed, that many bytes.

/// Longest event that is read: the offers of a few agents have a few kilobytes.
const BYTES_MAX: usize = 16 << 20;

/// Finds the records in a stream that arrives in pieces. A reader of its own, so that a mistake in
/// the product's is not made twice.
#[derive(Default)]
pub(super) struct Records {
    buffer: Vec<u8>,
}

impl Records {
    pub(super) fn push(&mut self, piece: &[u8]) {
        self.buffer.extend_from_slice(piece);
    }

    /// The next record, if it is there as a whole.
    ///
    /// # Errors
    /// A sentence, if this is no such stream.
    pub(super) fn next_record(&mut self) -> Result<Option<Vec<u8>>, String> {
        let Some(digits) = self.buffer.iter().position(|byte| *byte == b'\n') else {
            return Ok(None);
        };
        let length = std::str::from_utf8(&self.buffer[..digits]);
        let length = length.ok().and_then(|digits| digits.parse().ok());
        let Some(length) = length.filter(|length: &usize| *length <= BYTES_MAX) else {
            return Err("it does not announce the length of an event".to_owned());
        };
        let begin = digits + 1;
        if self.buffer.len() < begin + length {
            return Ok(None);
        }
        let record = self.buffer[begin..begin + length].to_vec();
        self.buffer.drain(..begin + length);
        Ok(Some(record))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_are_found_however_they_arrive() {
        let mut records = Records::default();
        let mut found = Vec::new();
        for byte in b"2\n{}11\n[1,2,3,4,5]0\n" {
            records.push(&[*byte]);
            while let Some(record) = records.next_record().unwrap() {
                found.push(record);
            }
        }
        assert_eq!(found, [b"{}".to_vec(), b"[1,2,3,4,5]".to_vec(), Vec::new()]);
    }

    #[test]
    fn what_is_no_length_is_refused() {
        for wrong in ["x\n", "-1\n", "99999999999999999999\n", "\n"] {
            let mut records = Records::default();
            records.push(wrong.as_bytes());
            assert!(records.next_record().is_err(), "{wrong:?}");
        }
    }
}
