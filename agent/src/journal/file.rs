//! The file: opened, appended to, replaced.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use insula_agent_core::Record;
use serde::{Deserialize, Serialize};

use super::{Error, FORMAT, line};
use crate::work_dir::{replace_file, sync_parent};

/// Below this length a file is not worth replacing.
const COMPACT_ABOVE_BYTES: u64 = 4 << 20;
/// A file is replaced when it is this many times as long as it was when it was last replaced, so
/// that each record is written at most about once more in its life.
const COMPACT_ABOVE_GROWTH: u64 = 4;

/// The first line.
#[derive(Debug, Serialize, Deserialize)]
struct Header {
    insula_journal: u32,
    boot_id: String,
}

/// The journal, open for appending.
#[derive(Debug)]
pub(crate) struct Journal {
    path: PathBuf,
    boot_id: String,
    file: File,
    len: u64,
    compacted_len: u64,
}

/// What was found in the work directory.
#[derive(Debug)]
pub(crate) struct Opened {
    /// All records, in order.
    pub(crate) records: Vec<Record>,
    /// The boot of the machine in which they were written; none if there was no journal.
    pub(crate) boot_id: Option<String>,
}

impl Journal {
    /// Reads what is there. The file itself stays as it is until [`Journal::create`].
    pub(crate) fn read(path: &Path) -> Result<Opened, Error> {
        let bytes = match fs::read(path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Ok(Opened {
                    records: Vec::new(),
                    boot_id: None,
                });
            }
            Err(source) => return Err(file_error("read", path, source)),
        };
        let damaged = |line| Error::Damaged {
            path: path.to_owned(),
            line,
        };
        let mut lines: Vec<&[u8]> = bytes.split(|byte| *byte == b'\n').collect();
        // What follows the last line end is nothing, or torn.
        lines.pop();
        let (first, batches) = lines.split_first().ok_or_else(|| damaged(1))?;
        let header: Header = line::read(first).ok_or_else(|| damaged(1))?;
        if header.insula_journal > FORMAT {
            return Err(Error::Newer {
                path: path.to_owned(),
                format: header.insula_journal,
            });
        }
        let mut records = Vec::new();
        for (index, batch) in batches.iter().enumerate() {
            match line::read::<Vec<Record>>(batch) {
                Some(batch) => records.extend(batch),
                None if index + 1 == batches.len() => break,
                None => return Err(damaged(index + 2)),
            }
        }
        Ok(Opened {
            records,
            boot_id: Some(header.boot_id),
        })
    }

    /// Replaces the file with one that holds just these records; durable on return.
    pub(crate) fn create(path: &Path, boot_id: &str, records: &[Record]) -> Result<Self, Error> {
        let failed = |source| file_error("write", path, source);
        let mut content = Vec::new();
        let header = Header {
            insula_journal: FORMAT,
            boot_id: boot_id.to_owned(),
        };
        line::append(&mut content, &header).map_err(|error| failed(error.into()))?;
        line::append(&mut content, &records).map_err(|error| failed(error.into()))?;
        replace_file(path, &content).map_err(failed)?;
        sync_parent(path).map_err(failed)?;
        let file = File::options().append(true).open(path).map_err(failed)?;
        let len = content.len() as u64;
        Ok(Self {
            path: path.to_owned(),
            boot_id: boot_id.to_owned(),
            file,
            len,
            compacted_len: len,
        })
    }

    /// Appends one batch; durable on return.
    ///
    /// The journal must not be used after an error.
    pub(crate) fn append(&mut self, records: &[Record]) -> Result<(), Error> {
        let failed = |source| file_error("write", &self.path, source);
        let mut batch = Vec::new();
        line::append(&mut batch, &records).map_err(|error| failed(error.into()))?;
        self.file.write_all(&batch).map_err(failed)?;
        self.file.sync_data().map_err(failed)?;
        self.len += batch.len() as u64;
        Ok(())
    }

    /// Whether it is time to replace the file by the live records.
    pub(crate) fn is_long(&self) -> bool {
        let grown = self.compacted_len.saturating_mul(COMPACT_ABOVE_GROWTH);
        self.len > grown.max(COMPACT_ABOVE_BYTES)
    }

    /// [`Journal::create`] in place of this one.
    pub(crate) fn replace(&mut self, records: &[Record]) -> Result<(), Error> {
        *self = Self::create(&self.path, &self.boot_id, records)?;
        Ok(())
    }
}

fn file_error(operation: &'static str, path: &Path, source: io::Error) -> Error {
    Error::File {
        operation,
        path: path.to_owned(),
        source,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use insula_types::Epoch;
    use insula_types::message::Watermark;

    fn mark(seq: u64) -> Record {
        Record::Applied(Watermark {
            epoch: Epoch(1),
            seq,
        })
    }

    fn written(path: &Path) -> Vec<Record> {
        Journal::read(path).unwrap().records
    }

    #[test]
    fn what_was_appended_is_read_back() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("journal");
        assert!(Journal::read(&path).unwrap().boot_id.is_none());
        let mut journal = Journal::create(&path, "boot", &[mark(1)]).unwrap();
        journal.append(&[mark(2), mark(3)]).unwrap();
        journal.append(&[mark(4)]).unwrap();
        let opened = Journal::read(&path).unwrap();
        assert_eq!(opened.records, [mark(1), mark(2), mark(3), mark(4)]);
        assert_eq!(opened.boot_id.as_deref(), Some("boot"));
    }

    #[test]
    fn a_torn_last_batch_counts_as_never_written_wherever_it_is_torn() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("journal");
        let mut journal = Journal::create(&path, "boot", &[mark(1)]).unwrap();
        let before = fs::read(&path).unwrap().len();
        journal.append(&[mark(2), mark(3)]).unwrap();
        let whole = fs::read(&path).unwrap();
        for len in before..whole.len() {
            fs::write(&path, &whole[..len]).unwrap();
            assert_eq!(written(&path), [mark(1)], "cut to {len} bytes");
            let mut holed = whole.clone();
            holed[len.min(whole.len() - 2)] = 0;
            fs::write(&path, &holed).unwrap();
            assert_eq!(written(&path), [mark(1)], "a hole at {len}");
        }
    }

    #[test]
    fn damage_before_the_last_batch_is_an_error() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("journal");
        let mut journal = Journal::create(&path, "boot", &[mark(1)]).unwrap();
        journal.append(&[mark(2)]).unwrap();
        let mut bytes = fs::read(&path).unwrap();
        let second_line = bytes.iter().position(|byte| *byte == b'\n').unwrap() + 12;
        bytes[second_line] ^= 1;
        fs::write(&path, &bytes).unwrap();
        assert!(matches!(
            Journal::read(&path),
            Err(Error::Damaged { line: 2, .. })
        ));
    }

    #[test]
    fn a_newer_file_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("journal");
        let mut content = Vec::new();
        let header = Header {
            insula_journal: FORMAT + 1,
            boot_id: String::new(),
        };
        line::append(&mut content, &header).unwrap();
        fs::write(&path, content).unwrap();
        assert!(matches!(Journal::read(&path), Err(Error::Newer { .. })));
    }

    #[test]
    fn a_long_file_is_replaced_by_what_is_alive() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("journal");
        let mut journal = Journal::create(&path, "boot", &[]).unwrap();
        let batch: Vec<Record> = (0..1000).map(mark).collect();
        while !journal.is_long() {
            journal.append(&batch).unwrap();
        }
        journal.replace(&[mark(7)]).unwrap();
        journal.append(&[mark(8)]).unwrap();
        assert_eq!(written(&path), [mark(7), mark(8)]);
        assert!(fs::metadata(&path).unwrap().len() < 1000);
    }
}
