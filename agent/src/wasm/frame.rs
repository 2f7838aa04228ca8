//! Frames of the executor's protocol: a length of four bytes, big endian, then a message.
//!
//! Source: `insula/wasm/v1/executor.proto`.

use std::io;

use bytes::{BufMut as _, BytesMut};
use prost::Message;
use tokio::io::{AsyncRead, AsyncReadExt as _};

/// Longest message on the socket.
pub(super) const FRAME_BYTES_MAX: usize = 1 << 20;

/// Appends the frame of a message.
///
/// # Errors
/// If the message is longer than a frame may be.
pub(super) fn append(out: &mut BytesMut, message: &impl Message) -> io::Result<()> {
    let length = message.encoded_len();
    let announced = u32::try_from(length)
        .ok()
        .filter(|_| length <= FRAME_BYTES_MAX);
    let announced = announced.ok_or_else(|| too_long(length))?;
    out.reserve(length + 4);
    out.put_u32(announced);
    message.encode(out).map_err(io::Error::other)
}

/// Reads the next message; nothing at the end of the stream. Cancelling it may lose a part of one.
///
/// # Errors
/// If the stream breaks, or does not keep to the protocol.
pub(super) async fn read<M: Message + Default>(
    from: &mut (impl AsyncRead + Unpin),
) -> io::Result<Option<M>> {
    let length = match from.read_u32().await {
        Ok(length) => usize::try_from(length).unwrap_or(usize::MAX),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        Err(error) => return Err(error),
    };
    if length > FRAME_BYTES_MAX {
        return Err(too_long(length));
    }
    let mut content = vec![0; length];
    from.read_exact(&mut content).await?;
    M::decode(&content[..]).map(Some).map_err(io::Error::other)
}

fn too_long(length: usize) -> io::Error {
    let sentence = format!("a message of {length} bytes is longer than a frame may be");
    io::Error::new(io::ErrorKind::InvalidData, sentence)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use insula_proto::insula::wasm::v1::Subscribe;

    #[tokio::test]
    async fn a_message_survives_its_frame() {
        let message = Subscribe {
            token: "t".to_owned(),
            pid: 7,
            ..Subscribe::default()
        };
        let mut bytes = BytesMut::new();
        append(&mut bytes, &message).unwrap();
        append(&mut bytes, &Subscribe::default()).unwrap();
        let mut from = &bytes[..];
        assert_eq!(read::<Subscribe>(&mut from).await.unwrap(), Some(message));
        assert_eq!(
            read::<Subscribe>(&mut from).await.unwrap(),
            Some(Subscribe::default())
        );
        assert_eq!(read::<Subscribe>(&mut from).await.unwrap(), None);
    }

    #[tokio::test]
    async fn what_is_no_frame_is_an_error_and_takes_no_memory() {
        let mut huge = &u32::MAX.to_be_bytes()[..];
        assert!(read::<Subscribe>(&mut huge).await.is_err());
        let mut cut = &[0, 0, 0, 9, 1][..];
        assert!(read::<Subscribe>(&mut cut).await.is_err());
        let mut garbage = &[0, 0, 0, 2, 0xff, 0xff][..];
        assert!(read::<Subscribe>(&mut garbage).await.is_err());
    }
}
