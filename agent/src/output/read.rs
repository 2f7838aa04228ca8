//! A file that may still grow.

use std::io;
use std::io::SeekFrom;
use std::path::Path;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use insula_proto::convert::agent::Start;
use insula_types::LaunchId;
use tokio::fs::File;
use tokio::io::{AsyncReadExt, AsyncSeekExt};
use tokio::sync::mpsc;

use super::CHUNK_BYTES;
use crate::task::Live;

/// A follower looks again after the first while output comes, after the last while none does: soon
/// enough for people, and a few system calls per second and follower.
const LOOK_AGAIN_MIN: Duration = Duration::from_millis(10);
const LOOK_AGAIN_MAX: Duration = Duration::from_millis(200);

/// A piece of a file and where it begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Piece {
    pub(super) offset: u64,
    pub(super) data: Bytes,
}

/// Which part of which file is wanted.
#[derive(Debug)]
pub(super) struct Wanted<'a> {
    pub(super) path: &'a Path,
    pub(super) launch: LaunchId,
    pub(super) start: Start,
    pub(super) follow: bool,
}

/// Sends the file's content piece by piece; with `follow`, until the launch has ended and nothing is
/// left to send. Ends early when the receiver is gone.
pub(super) async fn read(
    wanted: &Wanted<'_>,
    live: &Live,
    pieces: &mpsc::Sender<Piece>,
) -> io::Result<()> {
    let mut wait = LOOK_AGAIN_MIN;
    let mut open: Option<(File, u64)> = None;
    loop {
        // Asked before reading: what a task wrote before it ended is then read below.
        let may_grow = wanted.follow && live.contains(wanted.launch);
        if open.is_none() {
            open = self::open(wanted).await?;
        }
        let before = open.as_ref().map(|(_, offset)| *offset);
        if let Some((file, offset)) = &mut open
            && !send_rest(file, offset, pieces).await?
        {
            return Ok(());
        }
        if !may_grow {
            return Ok(());
        }
        let has_grown = before != open.as_ref().map(|(_, offset)| *offset);
        wait = if has_grown {
            LOOK_AGAIN_MIN
        } else {
            (wait * 2).min(LOOK_AGAIN_MAX)
        };
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            () = pieces.closed() => return Ok(()),
        }
    }
}

/// Nothing while the task has not been started: the file comes with its process.
async fn open(wanted: &Wanted<'_>) -> io::Result<Option<(File, u64)>> {
    let mut file = match File::open(wanted.path).await {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let offset = match wanted.start {
        Start::Offset(offset) => offset,
        Start::Tail(bytes) => file.metadata().await?.len().saturating_sub(bytes),
    };
    file.seek(SeekFrom::Start(offset)).await?;
    Ok(Some((file, offset)))
}

/// Whether the receiver is still there.
async fn send_rest(
    file: &mut File,
    offset: &mut u64,
    pieces: &mpsc::Sender<Piece>,
) -> io::Result<bool> {
    loop {
        let mut buffer = BytesMut::with_capacity(CHUNK_BYTES);
        let read = file.read_buf(&mut buffer).await?;
        if read == 0 {
            return Ok(true);
        }
        let piece = Piece {
            offset: *offset,
            data: buffer.freeze(),
        };
        *offset += read as u64;
        if pieces.send(piece).await.is_err() {
            return Ok(false);
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::io::Write;
    use tempfile::NamedTempFile;

    const LAUNCH: LaunchId = LaunchId {
        epoch: insula_types::Epoch(1),
        number: 1,
    };

    async fn all(path: &Path, start: Start) -> (u64, String) {
        let wanted = Wanted {
            path,
            launch: LAUNCH,
            start,
            follow: false,
        };
        let (sender, mut receiver) = mpsc::channel::<Piece>(1);
        let live = Live::default();
        let collect = async {
            let mut whole: Vec<u8> = Vec::new();
            let mut first = None;
            while let Some(piece) = receiver.recv().await {
                assert!(piece.data.len() <= CHUNK_BYTES);
                assert_eq!(
                    piece.offset,
                    first.unwrap_or(piece.offset) + whole.len() as u64
                );
                first.get_or_insert(piece.offset);
                whole.extend(&piece.data);
            }
            (first.unwrap_or(0), String::from_utf8(whole).unwrap())
        };
        let send = async {
            read(&wanted, &live, &sender).await.unwrap();
            drop(sender);
        };
        tokio::join!(collect, send).0
    }

    #[tokio::test]
    async fn a_file_is_read_from_anywhere() {
        let mut file = NamedTempFile::new().unwrap();
        file.write_all(b"0123456789").unwrap();
        assert_eq!(
            all(file.path(), Start::Offset(0)).await,
            (0, "0123456789".to_owned())
        );
        assert_eq!(
            all(file.path(), Start::Offset(7)).await,
            (7, "789".to_owned())
        );
        assert_eq!(all(file.path(), Start::Tail(2)).await, (8, "89".to_owned()));
        assert_eq!(
            all(file.path(), Start::Tail(99)).await,
            (0, "0123456789".to_owned())
        );
        assert_eq!(
            all(file.path(), Start::Offset(99)).await,
            (0, String::new())
        );
        let absent = file.path().with_extension("absent");
        assert_eq!(all(&absent, Start::Offset(0)).await, (0, String::new()));
    }

    #[tokio::test]
    async fn a_long_file_comes_in_pieces() {
        let mut file = NamedTempFile::new().unwrap();
        let long = "x".repeat(3 * CHUNK_BYTES + 1);
        file.write_all(long.as_bytes()).unwrap();
        assert_eq!(all(file.path(), Start::Offset(0)).await.1.len(), long.len());
    }

    #[tokio::test]
    async fn a_follower_gets_all_that_was_written_before_the_end() {
        let mut file = NamedTempFile::new().unwrap();
        let live = Live::new([LAUNCH]);
        let (sender, mut receiver) = mpsc::channel(4);
        let path = file.path().to_owned();
        let followed = live.clone();
        let follower = tokio::spawn(async move {
            let start = Start::Offset(0);
            let wanted = Wanted {
                path: &path,
                launch: LAUNCH,
                start,
                follow: true,
            };
            read(&wanted, &followed, &sender).await.unwrap();
        });
        for line in ["one", "two"] {
            file.write_all(line.as_bytes()).unwrap();
            assert_eq!(&receiver.recv().await.unwrap().data[..], line.as_bytes());
        }
        file.write_all(b"end").unwrap();
        live.end(LAUNCH);
        assert_eq!(&receiver.recv().await.unwrap().data[..], b"end");
        assert_eq!(receiver.recv().await, None);
        follower.await.unwrap();
    }

    #[tokio::test]
    async fn a_follower_that_leaves_ends_the_reading() {
        let file = NamedTempFile::new().unwrap();
        let live = Live::new([LAUNCH]);
        let (sender, receiver) = mpsc::channel(1);
        drop(receiver);
        let start = Start::Offset(0);
        let wanted = Wanted {
            path: file.path(),
            launch: LAUNCH,
            start,
            follow: true,
        };
        read(&wanted, &live, &sender).await.unwrap();
    }
}
