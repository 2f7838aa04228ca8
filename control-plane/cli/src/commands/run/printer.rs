//! Prints one of a task's outputs, and knows how far it came.

use futures::StreamExt;
use insula_client::{ByteStream, OutputStream};

use crate::exit::Failure;
use crate::output::Output;

/// Longest part of a line that is held back until it is whole.
const LINE_BYTES_MAX: usize = 64 << 10;

pub(super) struct Printer<'a> {
    id: &'a str,
    stream: OutputStream,
    label: bool,
    output: &'a Output,
    offset: u64,
    line: Vec<u8>,
}

impl<'a> Printer<'a> {
    /// With `label`, each line begins with the task's id.
    pub(super) fn new(id: &'a str, stream: OutputStream, label: bool, output: &'a Output) -> Self {
        Self {
            id,
            stream,
            label,
            output,
            offset: 0,
            line: Vec::new(),
        }
    }

    pub(super) fn stream(&self) -> OutputStream {
        self.stream
    }

    /// How many of the output's bytes are printed, or held back as the beginning of a line.
    pub(super) fn offset(&self) -> u64 {
        self.offset
    }

    /// Prints what comes, which begins at [`Self::offset`].
    pub(super) async fn print(&mut self, mut bytes: ByteStream) -> Result<(), Failure> {
        while let Some(chunk) = bytes.next().await {
            let chunk = chunk?;
            self.offset += chunk.len() as u64;
            if self.label {
                self.lines(&chunk)?;
            } else {
                self.write(&chunk)?;
            }
        }
        Ok(())
    }

    /// Prints what was held back.
    pub(super) fn finish(mut self) -> Result<(), Failure> {
        if self.line.is_empty() {
            return Ok(());
        }
        self.line.push(b'\n');
        self.flush()
    }

    /// Whole lines only, or the words of several tasks would be mixed.
    fn lines(&mut self, chunk: &[u8]) -> Result<(), Failure> {
        for part in chunk.split_inclusive(|byte| *byte == b'\n') {
            self.line.extend_from_slice(part);
            let is_whole = part.ends_with(b"\n");
            if !is_whole && self.line.len() >= LINE_BYTES_MAX {
                self.line.push(b'\n');
            } else if !is_whole {
                continue;
            }
            self.flush()?;
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<(), Failure> {
        let labelled = [self.id.as_bytes(), b" | ", &self.line].concat();
        self.line.clear();
        self.write(&labelled)
    }

    fn write(&self, bytes: &[u8]) -> Result<(), Failure> {
        match self.stream {
            OutputStream::Stdout => self.output.task_bytes(bytes),
            OutputStream::Stderr => {
                self.output.raw_talk(bytes);
                Ok(())
            }
        }
    }
}
