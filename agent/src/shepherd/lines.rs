//! Lines of JSON over a Unix socket, for both ends.

use std::collections::VecDeque;
use std::io::{self, ErrorKind};

use serde::Serialize;
use tokio::io::Interest;
use tokio::net::UnixStream;

/// A request holds at most an environment and arguments, for which the kernel takes 2 MiB in practice a tenth.
pub(super) const REQUEST_BYTES_MAX: usize = 1 << 20;
/// A welcome holds all tasks; [`super::herd::TASKS_MAX`] of them with the longest errors stay below it.
pub(super) const EVENT_BYTES_MAX: usize = 32 << 20;
const READ_BYTES: usize = 16 << 10;

/// A connection. Nothing waits for a slow peer: what it does not take is kept, up to a bound, and beyond that the
/// connection is given up. The peer connects again and is told everything.
#[derive(Debug)]
pub(super) struct Lines {
    stream: UnixStream,
    line_bytes_max: usize,
    output_bytes_max: usize,
    input: Vec<u8>,
    /// Up to here `input` has no line end.
    searched: usize,
    output: VecDeque<u8>,
}

impl Lines {
    /// The shepherd's end.
    pub(super) fn of_shepherd(stream: UnixStream) -> Lines {
        // A welcome, and behind it as much again in news.
        Lines::new(stream, REQUEST_BYTES_MAX, 2 * EVENT_BYTES_MAX)
    }

    /// The agent's end.
    pub(super) fn of_agent(stream: UnixStream) -> Lines {
        Lines::new(stream, EVENT_BYTES_MAX, 64 * REQUEST_BYTES_MAX)
    }

    fn new(stream: UnixStream, line_bytes_max: usize, output_bytes_max: usize) -> Lines {
        Lines {
            stream,
            line_bytes_max,
            output_bytes_max,
            input: Vec::new(),
            searched: 0,
            output: VecDeque::new(),
        }
    }

    /// Queues one line, and sends at once what the peer takes.
    ///
    /// # Errors
    /// If the peer is gone, or takes so little that the queue is full.
    pub(super) fn push(&mut self, message: &impl Serialize) -> io::Result<()> {
        let line = serde_json::to_vec(message)?;
        if self.output.len() + line.len() >= self.output_bytes_max {
            return Err(io::Error::new(
                ErrorKind::OutOfMemory,
                "the peer does not read",
            ));
        }
        self.output.extend(line);
        self.output.push_back(b'\n');
        self.flush()
    }

    /// The next line without its end; `None` when the peer has closed. Cancelling it loses nothing.
    ///
    /// Whoever calls it also lets queued output go.
    ///
    /// # Errors
    /// If the peer is gone, or sends a line that is too long.
    pub(super) async fn next(&mut self) -> io::Result<Option<Vec<u8>>> {
        loop {
            if let Some(line) = self.take_line()? {
                return Ok(Some(line));
            }
            let ready = self.stream.ready(self.interest()).await?;
            if ready.is_writable() {
                self.flush()?;
            }
            if ready.is_readable() && !self.read()? {
                return Ok(None);
            }
        }
    }

    /// Sends what is queued, waiting for the peer. For the end of a connection.
    pub(super) async fn finish(mut self) -> io::Result<()> {
        while !self.output.is_empty() {
            self.stream.ready(Interest::WRITABLE).await?;
            self.flush()?;
        }
        Ok(())
    }

    fn interest(&self) -> Interest {
        if self.output.is_empty() {
            Interest::READABLE
        } else {
            Interest::READABLE | Interest::WRITABLE
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        while !self.output.is_empty() {
            let (front, _) = self.output.as_slices();
            match self.stream.try_write(front) {
                Ok(sent) => drop(self.output.drain(..sent)),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            }
        }
        // The room for one large welcome is not kept.
        self.output.shrink_to(READ_BYTES);
        Ok(())
    }

    /// Whether the peer is still there.
    fn read(&mut self) -> io::Result<bool> {
        let mut bytes = [0; READ_BYTES];
        match self.stream.try_read(&mut bytes) {
            Ok(0) => Ok(false),
            Ok(count) => {
                self.input.extend_from_slice(&bytes[..count]);
                Ok(true)
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(true),
            Err(error) => Err(error),
        }
    }

    fn take_line(&mut self) -> io::Result<Option<Vec<u8>>> {
        let end = self.input[self.searched..]
            .iter()
            .position(|byte| *byte == b'\n')
            .map(|at| self.searched + at);
        if end.unwrap_or(self.input.len()) > self.line_bytes_max {
            return Err(io::Error::new(ErrorKind::InvalidData, "a line is too long"));
        }
        let Some(end) = end else {
            self.searched = self.input.len();
            return Ok(None);
        };
        let mut line: Vec<u8> = self.input.drain(..=end).collect();
        line.pop();
        self.searched = 0;
        self.input.shrink_to(READ_BYTES);
        Ok(Some(line))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::Lines;
    use tokio::io::AsyncWriteExt;
    use tokio::net::UnixStream;

    #[tokio::test]
    async fn lines_come_whole_however_they_were_cut() {
        let (mut far, near) = UnixStream::pair().unwrap();
        let mut lines = Lines::new(near, 8, 8);
        far.write_all(b"one\ntw").await.unwrap();
        assert_eq!(lines.next().await.unwrap().unwrap(), b"one");
        far.write_all(b"o\n\n").await.unwrap();
        assert_eq!(lines.next().await.unwrap().unwrap(), b"two");
        assert_eq!(lines.next().await.unwrap().unwrap(), b"");
        drop(far);
        assert!(lines.next().await.unwrap().is_none());
    }

    #[tokio::test]
    async fn a_line_without_end_is_given_up() {
        let (mut far, near) = UnixStream::pair().unwrap();
        let mut lines = Lines::new(near, 8, 8);
        far.write_all(b"123456789").await.unwrap();
        assert!(lines.next().await.is_err());
    }

    #[tokio::test]
    async fn a_peer_that_does_not_read_is_given_up_and_one_that_does_gets_all() {
        let (far, near) = UnixStream::pair().unwrap();
        let mut lines = Lines::new(near, 8, 4 << 20);
        let text = "x".repeat(1 << 20);
        let queued = (0..10).take_while(|_| lines.push(&text).is_ok()).count();
        assert!((3..10).contains(&queued), "{queued}");
        let mut reader = Lines::new(far, 2 << 20, 8);
        let (sent, read) = tokio::join!(lines.finish(), async {
            let mut read = 0;
            while let Some(line) = reader.next().await.unwrap() {
                assert_eq!(line.len(), text.len() + 2);
                read += 1;
                if read == queued {
                    break;
                }
            }
            read
        });
        sent.unwrap();
        assert_eq!(read, queued);
    }
}
