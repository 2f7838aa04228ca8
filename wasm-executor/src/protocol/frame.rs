//! Frames: the length as an unsigned 32 bit integer, big endian, then one message.

use bytes::{Buf as _, BufMut as _, Bytes, BytesMut};
use prost::Message;

/// The longest message. An update is bounded at about 30 KiB, so that tens of the longest fit; most
/// are shorter than 100 bytes.
pub(crate) const FRAME_BYTES: usize = 1 << 20;

const LENGTH_BYTES: usize = 4;

/// Bytes that are no frame, or a message that makes none.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FrameError {
    /// The message is longer than a frame may be.
    #[error("a message of {0} bytes exceeds the {FRAME_BYTES} of a frame")]
    TooLong(usize),
    /// The frame's content is not the message it should be.
    #[error("a frame does not hold the message it should")]
    Malformed(#[source] prost::DecodeError),
}

/// The frame of one message.
///
/// # Errors
/// `TooLong`.
pub(crate) fn encode(message: &impl Message) -> Result<Bytes, FrameError> {
    let mut bytes = BytesMut::new();
    append(&mut bytes, message)?;
    Ok(bytes.freeze())
}

/// Appends the frame of one message; leaves `bytes` as it was on an error.
///
/// # Errors
/// `TooLong`.
pub(crate) fn append(bytes: &mut BytesMut, message: &impl Message) -> Result<(), FrameError> {
    let length = message.encoded_len();
    let announced = u32::try_from(length)
        .ok()
        .filter(|_| length <= FRAME_BYTES)
        .ok_or(FrameError::TooLong(length))?;
    bytes.reserve(LENGTH_BYTES + length);
    bytes.put_u32(announced);
    bytes.put_slice(&message.encode_to_vec());
    Ok(())
}

/// Takes one message off the front of `bytes`, or nothing while it is not complete.
///
/// # Errors
/// `TooLong` as soon as the length is known, `Malformed`; the stream is of no use then.
pub(crate) fn take<M: Message + Default>(bytes: &mut BytesMut) -> Result<Option<M>, FrameError> {
    let Some((announced, _)) = bytes.split_first_chunk::<LENGTH_BYTES>() else {
        return Ok(None);
    };
    let announced = u32::from_be_bytes(*announced);
    let length = usize::try_from(announced).unwrap_or(usize::MAX);
    if length > FRAME_BYTES {
        return Err(FrameError::TooLong(length));
    }
    if bytes.len() < LENGTH_BYTES + length {
        return Ok(None);
    }
    bytes.advance(LENGTH_BYTES);
    M::decode(bytes.split_to(length))
        .map(Some)
        .map_err(FrameError::Malformed)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use bytes::BytesMut;
    use insula_proto::insula::wasm::v1::{Call, Calls, Refused, Update, call};

    use super::{FRAME_BYTES, FrameError, append, take};

    fn calls(launch_id: &str) -> Calls {
        let update = Update {
            launch_id: launch_id.to_owned(),
            ..Update::default()
        };
        Calls {
            calls: vec![Call {
                call: Some(call::Call::Update(update)),
                trace: None,
            }],
        }
    }

    #[test]
    fn frames_come_out_as_they_went_in_whatever_the_pieces() {
        let mut whole = BytesMut::new();
        append(&mut whole, &calls("1-1")).unwrap();
        append(&mut whole, &calls("1-2")).unwrap();
        let mut received = BytesMut::new();
        let mut taken = Vec::new();
        for byte in whole {
            received.extend_from_slice(&[byte]);
            while let Some(message) = take::<Calls>(&mut received).unwrap() {
                taken.push(message);
            }
        }
        assert_eq!(taken, [calls("1-1"), calls("1-2")]);
    }

    #[test]
    fn a_frame_that_is_too_long_is_refused_by_its_length_alone() {
        let mut bytes = BytesMut::from(&[0xff, 0xff, 0xff, 0xff][..]);
        assert!(matches!(
            take::<Calls>(&mut bytes),
            Err(FrameError::TooLong(_))
        ));
        let long = Refused {
            reason: "x".repeat(FRAME_BYTES),
        };
        assert!(matches!(
            append(&mut bytes, &long),
            Err(FrameError::TooLong(_))
        ));
        assert_eq!(bytes.len(), 4);
    }

    #[test]
    fn garbage_is_malformed() {
        let mut bytes = BytesMut::from(&[0, 0, 0, 2, 0xff, 0xff][..]);
        assert!(matches!(
            take::<Calls>(&mut bytes),
            Err(FrameError::Malformed(_))
        ));
    }
}
