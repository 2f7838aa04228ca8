//! Where streams live. Both kinds do exactly the same four things, each as one atomic step; all that
//! is promised about links is built on these, once.

pub(crate) mod memory;
pub(crate) mod redis;

use std::time::Duration;

use bytes::Bytes;

use crate::stream::{Position, Stored, Stream};
use memory::InProcess;

/// Why an operation was not done, or is not known to have been.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Fault {
    /// The data set is not the one that the session began with.
    #[error("the broker's data was lost")]
    DataLost,
    /// The server cannot be reached, or does not answer as it should.
    #[error("the broker is away: {0}")]
    Away(String),
}

/// What became of entries that were to be appended, in their order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Appended {
    /// How many were; the others found no credit.
    pub(crate) taken: usize,
}

/// What was read.
#[derive(Debug)]
pub(crate) struct Read {
    pub(crate) entries: Vec<Stored>,
    /// Whether that was all that the stream held.
    pub(crate) complete: bool,
}

/// One data set as one session sees it.
#[derive(Debug, Clone)]
pub(crate) enum Writing {
    Redis(redis::Writing),
    InProcess(memory::Attached),
}

/// A connection for reading, which waits inside the server.
#[derive(Debug)]
pub(crate) enum Reading {
    Redis(redis::Reading),
    InProcess(memory::Attached),
}

/// How sessions are begun.
#[derive(Debug, Clone)]
pub(crate) enum Backend {
    Redis(Box<redis::Server>),
    InProcess(InProcess),
}

impl Backend {
    /// Begins a session: connects, checks what must hold, and finds the generation of the data set.
    pub(crate) async fn begin(&self) -> Result<Writing, redis::BeginError> {
        match self {
            Self::Redis(server) => server.begin().await.map(Writing::Redis),
            Self::InProcess(data) => data.attach().map(Writing::InProcess),
        }
    }
}

impl Writing {
    /// Another connection to the same data set.
    pub(crate) async fn reading(&self) -> Result<Reading, Fault> {
        match self {
            Self::Redis(writing) => writing.reading().await.map(Reading::Redis),
            Self::InProcess(attached) => Ok(Reading::InProcess(attached.clone())),
        }
    }

    /// Checks that the data set is there and still the same.
    pub(crate) async fn check(&self) -> Result<(), Fault> {
        match self {
            Self::Redis(writing) => writing.check().await,
            Self::InProcess(attached) => attached.check(),
        }
    }

    /// Appends as many of the entries as the credit allows, in order.
    pub(crate) async fn append(
        &self,
        stream: &Stream,
        entries: &[Bytes],
    ) -> Result<Appended, Fault> {
        match self {
            Self::Redis(writing) => writing.append(stream, entries).await,
            Self::InProcess(attached) => attached.append(stream, entries),
        }
    }

    /// Removes everything up to a place, that place included.
    pub(crate) async fn trim(&self, stream: &Stream, through: Position) -> Result<(), Fault> {
        match self {
            Self::Redis(writing) => writing.trim(stream, through).await,
            Self::InProcess(attached) => attached.trim(stream, through),
        }
    }

    /// Removes a stream.
    pub(crate) async fn remove(&self, stream: &Stream) -> Result<(), Fault> {
        match self {
            Self::Redis(writing) => writing.remove(stream).await,
            Self::InProcess(attached) => attached.remove(stream),
        }
    }
}

impl Reading {
    /// Up to `most` entries after a place; waits for the first one for at most `wait`.
    pub(crate) async fn read(
        &mut self,
        stream: &Stream,
        after: Position,
        most: usize,
        wait: Duration,
    ) -> Result<Read, Fault> {
        match self {
            Self::Redis(reading) => reading.read(stream, after, most, wait).await,
            Self::InProcess(attached) => attached.read(stream, after, most, wait).await,
        }
    }
}
