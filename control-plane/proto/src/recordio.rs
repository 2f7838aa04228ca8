//! The framing of event streams: each record is its length in decimal, a line feed, and its bytes.
//!
//! Source: "RecordIO response format" in the documentation of the Mesos v1 HTTP APIs.

use bytes::{Buf, Bytes, BytesMut};

/// Digits of the longest length that is read: those of `u64::MAX`.
const LENGTH_DIGITS_MAX: usize = 20;

/// Why a stream is not one of records. After it the stream cannot be read on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RecordError {
    /// Where a length is expected stands something else.
    #[error("cannot read the length of a record: '{0}' is not a decimal number")]
    NotALength(String),
    /// A record is longer than the reader takes.
    #[error("a record of {length} bytes exceeds the limit of {max} bytes")]
    TooLong {
        /// As announced, in bytes.
        length: u64,
        /// As given to [`Decoder::new`], in bytes.
        max: usize,
    },
    /// The stream ended within a record.
    #[error("the stream ended within a record, {0} bytes after its beginning")]
    CutOff(usize),
}

/// Appends one record to `stream`.
pub fn encode(record: &[u8], stream: &mut Vec<u8>) {
    stream.extend_from_slice(record.len().to_string().as_bytes());
    stream.push(b'\n');
    stream.extend_from_slice(record);
}

/// Finds the records in a stream that arrives in pieces of any size.
///
/// Give it each piece with [`Self::push`], then take records with [`Self::next_record`] until there
/// is none. Used so, it holds less than one record of the permitted length and one piece.
#[derive(Debug)]
pub struct Decoder {
    buffer: BytesMut,
    record_bytes_max: usize,
}

impl Decoder {
    /// A decoder that refuses records longer than `record_bytes_max` bytes.
    #[must_use]
    pub fn new(record_bytes_max: usize) -> Self {
        Self {
            buffer: BytesMut::new(),
            record_bytes_max,
        }
    }

    /// Appends a piece of the stream.
    pub fn push(&mut self, piece: &[u8]) {
        self.buffer.extend_from_slice(piece);
    }

    /// The next record, without its length; `None` until more of the stream has been pushed.
    ///
    /// # Errors
    /// [`RecordError::NotALength`] or [`RecordError::TooLong`], then again at every further call.
    pub fn next_record(&mut self) -> Result<Option<Bytes>, RecordError> {
        let Some((digits, length)) = self.length()? else {
            return Ok(None);
        };
        if self.buffer.len() - digits - 1 < length {
            return Ok(None);
        }
        self.buffer.advance(digits + 1);
        Ok(Some(self.buffer.split_to(length).freeze()))
    }

    /// Checks that the stream may end here.
    ///
    /// # Errors
    /// [`RecordError::CutOff`] if it ends within a record.
    pub fn finish(&self) -> Result<(), RecordError> {
        if self.buffer.is_empty() {
            Ok(())
        } else {
            Err(RecordError::CutOff(self.buffer.len()))
        }
    }

    /// The length at the front of the buffer, after the number of its digits; `None` if the line is
    /// not complete yet.
    fn length(&self) -> Result<Option<(usize, usize)>, RecordError> {
        let start = &self.buffer[..self.buffer.len().min(LENGTH_DIGITS_MAX + 1)];
        let digits = start
            .iter()
            .take_while(|byte| byte.is_ascii_digit())
            .count();
        match start.get(digits) {
            None if digits <= LENGTH_DIGITS_MAX => return Ok(None),
            Some(b'\n') if digits > 0 => {}
            _ => return Err(not_a_length(start)),
        }
        let text = String::from_utf8_lossy(&start[..digits]);
        let length: u64 = text.parse().map_err(|_| not_a_length(start))?;
        match usize::try_from(length) {
            Ok(length) if length <= self.record_bytes_max => Ok(Some((digits, length))),
            _ => Err(RecordError::TooLong {
                length,
                max: self.record_bytes_max,
            }),
        }
    }
}

fn not_a_length(start: &[u8]) -> RecordError {
    RecordError::NotALength(start.escape_ascii().to_string())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use proptest::prelude::*;

    use super::*;

    fn decoder(stream: &[u8]) -> Decoder {
        let mut decoder = Decoder::new(100);
        decoder.push(stream);
        decoder
    }

    #[test]
    fn a_record_is_its_length_and_its_bytes() {
        let mut stream = Vec::new();
        encode(br#"{"type":"HEARTBEAT"}"#, &mut stream);
        assert_eq!(stream, b"20\n{\"type\":\"HEARTBEAT\"}");
    }

    #[test]
    fn an_empty_record_is_a_record() {
        let mut decoder = decoder(b"0\n1\n");
        assert_eq!(decoder.next_record().unwrap().unwrap(), Bytes::new());
        assert_eq!(decoder.next_record().unwrap(), None);
        assert_eq!(decoder.finish(), Err(RecordError::CutOff(2)));
    }

    #[test]
    fn what_is_no_length_is_refused_as_soon_as_it_is_seen() {
        for stream in [
            "\n",
            "x",
            "-1\n",
            "1x",
            "HTTP/1.1 200 OK",
            "999999999999999999999",
        ] {
            let mut decoder = decoder(stream.as_bytes());
            assert!(
                matches!(decoder.next_record(), Err(RecordError::NotALength(_))),
                "{stream}"
            );
            assert!(decoder.next_record().is_err());
        }
    }

    #[test]
    fn a_record_beyond_the_limit_is_refused_by_its_length_alone() {
        let error = decoder(b"101\n").next_record().unwrap_err();
        assert_eq!(
            error,
            RecordError::TooLong {
                length: 101,
                max: 100
            }
        );
        assert!(decoder(b"18446744073709551615\n").next_record().is_err());
        assert_eq!(decoder(b"100\n").next_record(), Ok(None));
    }

    proptest! {
        #[test]
        fn records_survive_any_cut_of_the_stream(
            records in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..100), 0..8),
            piece in 1_usize..40,
        ) {
            let mut stream = Vec::new();
            for record in &records {
                encode(record, &mut stream);
            }
            let mut decoder = Decoder::new(100);
            let mut found = Vec::new();
            for piece in stream.chunks(piece) {
                decoder.push(piece);
                while let Some(record) = decoder.next_record().unwrap() {
                    found.push(record.to_vec());
                }
            }
            prop_assert_eq!(found, records);
            prop_assert_eq!(decoder.finish(), Ok(()));
        }

        #[test]
        fn no_stream_makes_it_panic(stream in prop::collection::vec(any::<u8>(), 0..200)) {
            let mut decoder = decoder(&stream);
            while let Ok(Some(record)) = decoder.next_record() {
                prop_assert!(record.len() <= 100);
            }
        }
    }
}
