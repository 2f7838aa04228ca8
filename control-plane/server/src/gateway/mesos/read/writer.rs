//! Writes JSON documents of any length in pieces.

use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use futures::{StreamExt, stream};
use http::HeaderValue;
use http::header::CONTENT_TYPE;
use serde::Serialize;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;

use crate::gateway::mesos::refusal::Refusal;

/// Size from which a piece is handed on, in bytes; a document of a small cell is one piece.
const PIECE: usize = 64 << 10;
/// Pieces that wait for a slow reader. Beyond them the rows are not read on either.
const PIECES_MAX: usize = 4;

/// Why a document was not written to its end.
pub(super) enum End {
    /// The rows cannot be read.
    Store(insula_store::Error),
    /// Nobody reads the document any more.
    ReaderGone,
}

impl From<insula_store::Error> for End {
    fn from(error: insula_store::Error) -> Self {
        Self::Store(error)
    }
}

type Piece = Result<Bytes, insula_store::Error>;

/// Where a document is written to.
pub(super) struct Writer {
    piece: Vec<u8>,
    pieces: mpsc::Sender<Piece>,
}

/// Answers with what is written. The task that writes ends when it is done, or soon after the answer
/// was dropped.
///
/// # Errors
/// If nothing could be written; a document that fails later ends in the middle, and so does its
/// connection.
pub(super) async fn respond<F>(write: impl FnOnce(Writer) -> F) -> Result<Response, Refusal>
where
    F: Future<Output = ()> + Send + 'static,
{
    let (pieces, mut written) = mpsc::channel(PIECES_MAX);
    let piece = Vec::new();
    tokio::spawn(write(Writer { piece, pieces }));
    let Some(first) = written.recv().await else {
        return Err(Refusal::Internal {
            doing: "write the document",
            cause: None,
        });
    };
    let first = first?;
    let body = match written.recv().await {
        // With a length, as Mesos sends it.
        None => Body::from(first),
        Some(second) => {
            let begin = stream::iter([Ok(first), second]);
            Body::from_stream(begin.chain(ReceiverStream::new(written)))
        }
    };
    let mut response = Response::new(body);
    let json = HeaderValue::from_static("application/json");
    response.headers_mut().insert(CONTENT_TYPE, json);
    Ok(response)
}

impl Writer {
    /// Writes JSON text.
    pub(super) fn text(&mut self, text: &str) {
        self.piece.extend_from_slice(text.as_bytes());
    }

    /// Writes a value.
    pub(super) fn value(&mut self, value: &impl Serialize) {
        serde_json::to_writer(&mut self.piece, value)
            .expect("the parts of documents are plain data with texts as keys");
    }

    /// Writes an object that goes on: all but its closing brace.
    pub(super) fn open(&mut self, value: &impl Serialize) {
        self.value(value);
        self.piece.pop();
    }

    /// Writes what stands before an item of a list: nothing before the first. A piece never ends
    /// between the bracket and the first item, so the bracket can be seen.
    pub(super) fn separate(&mut self) {
        if self.piece.last() != Some(&b'[') {
            self.piece.push(b',');
        }
    }

    /// Writes an item of a list.
    pub(super) async fn item(&mut self, value: &impl Serialize) -> Result<(), End> {
        self.separate();
        self.value(value);
        self.hand_on().await
    }

    /// Hands on what is written if it is enough for a piece. Call it after each item of a list.
    pub(super) async fn hand_on(&mut self) -> Result<(), End> {
        if self.piece.len() < PIECE {
            return Ok(());
        }
        let piece = std::mem::take(&mut self.piece).into();
        let sent = self.pieces.send(Ok(piece)).await;
        sent.map_err(|_| End::ReaderGone)
    }

    /// Hands on the last piece, or the failure.
    pub(super) async fn finish(self, written: Result<(), End>) {
        let last = match written {
            Ok(()) => Ok(self.piece.into()),
            Err(End::Store(error)) => Err(error),
            Err(End::ReaderGone) => return,
        };
        // A reader that has gone away does not miss it.
        let _ = self.pieces.send(last).await;
    }
}
