//! The agent's journal on disk (rule R29): one file, one write and one sync for many records.
//!
//! A text file. The first line says what it is; every other line is one batch of records, written
//! and synced as one:
//! ```text
//! 5a0c3f11 {"insula_journal":1,"boot_id":"…"}
//! 93b1d0e4 [{"launched":{…}},{"updated":{…}}]
//! ```
//! The eight digits are the CRC-32C of the rest of the line. One batch is under way at a time, so
//! after a crash only the last line can be torn; nothing depended on it, and it is cut off. A
//! damaged line before the last one is damage of another kind, and the agent does not start on it.
//!
//! When the file has grown to many times what is alive in it, it is replaced by the live records.

mod crc;
mod file;
mod line;

pub(crate) use file::Journal;

use std::io;
use std::path::PathBuf;

/// The version of the file's format that this build writes, and the highest that it reads.
const FORMAT: u32 = 1;

/// Why the journal is of no use.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file could not be read or written. After a failed write nothing more is written: what
    /// is on the disk is then unknown.
    #[error("cannot {operation} {path}")]
    File {
        /// The verb.
        operation: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// A line before the last one is damaged.
    #[error(
        "line {line} of {path} is damaged; the disk may be failing. Move the work directory away and join anew"
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Which line, from 1.
        line: usize,
    },
    /// The file was written by a later version.
    #[error("{path} has format {format}, this agent knows up to {FORMAT}; use a newer agent")]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its format.
        format: u32,
    },
}
