//! Answers that come bit by bit.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes, BytesMut};
use futures::Stream;
use http::Response;
use http_body_util::BodyDataStream;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use insula_proto::rest::{Event, LAUNCH_HEADER};

use crate::{Client, Error};

/// Longest line of an event stream.
const LINE_BYTES_MAX: usize = 1 << 20;

/// The bytes of an answer as they come.
pub struct ByteStream {
    client: Client,
    launch: Option<String>,
    body: BodyDataStream<Incoming>,
}

impl ByteStream {
    pub(crate) fn new(client: &Client, response: Response<Incoming>) -> Self {
        let launch = response
            .headers()
            .get(LAUNCH_HEADER)
            .and_then(|launch| launch.to_str().ok());
        let launch = launch.map(str::to_owned);
        let body = response.into_body().into_data_stream();
        Self {
            client: client.clone(),
            launch,
            body,
        }
    }

    /// Which start of a task the bytes are from; none if it never started.
    #[must_use]
    pub fn launch(&self) -> Option<&str> {
        self.launch.as_deref()
    }
}

impl Stream for ByteStream {
    type Item = Result<Bytes, Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let next = ready!(Pin::new(&mut self.body).poll_next(cx));
        Poll::Ready(next.map(|chunk| chunk.map_err(|error| self.client.broken_off(error))))
    }
}

/// Events as they happen, one line of JSON each.
pub struct EventStream {
    bytes: ByteStream,
    buffer: BytesMut,
}

impl EventStream {
    pub(crate) fn new(client: &Client, response: Response<Incoming>) -> Self {
        Self {
            bytes: ByteStream::new(client, response),
            buffer: BytesMut::new(),
        }
    }

    fn line(&mut self) -> Option<Result<Event, Error>> {
        loop {
            let end = self.buffer.iter().position(|byte| *byte == b'\n')?;
            let line = self.buffer.split_to(end);
            self.buffer.advance(1);
            if !line.is_empty() {
                let event = serde_json::from_slice(&line);
                return Some(
                    event.map_err(|error| self.bytes.client.protocol("/v1/events", &error)),
                );
            }
        }
    }
}

impl Stream for EventStream {
    type Item = Result<Event, Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            if let Some(event) = self.line() {
                return Poll::Ready(Some(event));
            }
            if self.buffer.len() > LINE_BYTES_MAX {
                let error = self
                    .bytes
                    .client
                    .protocol("/v1/events", &"a line has no end");
                return Poll::Ready(Some(Err(error)));
            }
            match ready!(Pin::new(&mut self.bytes).poll_next(cx)) {
                Some(Ok(chunk)) => self.buffer.extend_from_slice(&chunk),
                Some(Err(error)) => return Poll::Ready(Some(Err(error))),
                None => return Poll::Ready(None),
            }
        }
    }
}
