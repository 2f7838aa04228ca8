//! Submitting, watching and ending tasks.

use bytes::Bytes;
use futures::{Stream, StreamExt};
use http::Method;
use http_body_util::{BodyExt, StreamBody};
use hyper::body::Frame;
use insula_proto::rest::{KillTask, Page, SubmitTasks, Submitted, Task, Trace, WhyAnswer};

use crate::transport::{empty, escape};
use crate::{ByteStream, Client, Error};

/// Which tasks to list.
#[derive(Debug, Clone, Default)]
pub struct Listing {
    /// Those that are over as well.
    pub all: bool,
    /// Only those whose id begins so.
    pub prefix: String,
    /// Only those of the framework of this id; `insula` is the built-in one.
    pub framework: Option<String>,
}

/// Which of a task's output files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OutputStream {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
}

impl OutputStream {
    /// The file's name in the task's sandbox.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Stdout => "stdout",
            Self::Stderr => "stderr",
        }
    }
}

/// Which part of an output.
#[derive(Debug, Clone, Copy, Default)]
pub struct OutputRange {
    /// Only the last so many bytes of what is there.
    pub tail: Option<u64>,
    /// From this byte on.
    pub offset: u64,
    /// Go on until the start of the task is over.
    pub follow: bool,
    /// Of which start of the task, from 0; of the latest if absent.
    pub attempt: Option<u32>,
}

impl Client {
    /// Submits tasks; all are taken or none.
    ///
    /// # Errors
    /// [`Error::Refused`] if one of them is not acceptable, and the transport's errors.
    pub async fn submit(&self, tasks: &SubmitTasks) -> Result<Submitted, Error> {
        self.post("/v1/tasks", tasks).await
    }

    /// One task.
    ///
    /// # Errors
    /// [`Error::Refused`] if there is none of that id, and the transport's errors.
    pub async fn task(&self, id: &str) -> Result<Task, Error> {
        self.get(&format!("/v1/tasks/{}", escape(id))).await
    }

    /// One task, once it is over or `seconds` have passed.
    ///
    /// # Errors
    /// As [`Self::task`].
    pub async fn wait(&self, id: &str, seconds: u32) -> Result<Task, Error> {
        self.get(&format!("/v1/tasks/{}?wait={seconds}", escape(id)))
            .await
    }

    /// All tasks of a listing: first those that wait to be started, then the others, the latest start
    /// first.
    ///
    /// # Errors
    /// The transport's errors.
    pub async fn tasks(&self, listing: &Listing) -> Result<Vec<Task>, Error> {
        let mut query = format!("all={}&prefix={}", listing.all, escape(&listing.prefix));
        if let Some(framework) = &listing.framework {
            query.push_str(&format!("&framework={}", escape(framework)));
        }
        self.pages("/v1/tasks", &query).await
    }

    /// Why a task stands where it stands.
    ///
    /// # Errors
    /// As [`Self::task`].
    pub async fn why(&self, id: &str) -> Result<WhyAnswer, Error> {
        self.get(&format!("/v1/tasks/{}/why", escape(id))).await
    }

    /// What happened to a task: its starts, or only the one of that number, counted from 0.
    ///
    /// # Errors
    /// [`Error::Refused`] if there is no such task or start, and the transport's errors.
    pub async fn trace(&self, id: &str, attempt: Option<u32>) -> Result<Trace, Error> {
        let query = attempt.map_or_else(String::new, |number| format!("?attempt={number}"));
        self.get(&format!("/v1/tasks/{}/trace{query}", escape(id)))
            .await
    }

    /// Kills a task or withdraws it while it waits.
    ///
    /// # Errors
    /// As [`Self::task`].
    pub async fn kill(&self, id: &str, kill: &KillTask) -> Result<(), Error> {
        let path = format!("/v1/tasks/{}/kill", escape(id));
        self.send_json(Method::POST, &path, kill).await?;
        Ok(())
    }

    /// A task's output.
    ///
    /// # Errors
    /// [`Error::Refused`] if there is no such task, it has not started yet (unless it is followed), or
    /// its agent is away; and the transport's errors. The stream ends with [`Error::BrokenOff`] where
    /// it is not whole.
    pub async fn output(
        &self,
        id: &str,
        stream: OutputStream,
        range: OutputRange,
    ) -> Result<ByteStream, Error> {
        let tail = range
            .tail
            .map_or_else(String::new, |bytes| format!("&tail={bytes}"));
        let attempt = range
            .attempt
            .map_or_else(String::new, |number| format!("&attempt={number}"));
        let path = format!(
            "/v1/tasks/{}/output/{}?offset={}&follow={}{tail}{attempt}",
            escape(id),
            stream.as_str(),
            range.offset,
            range.follow
        );
        let response = self.send(Method::GET, &path, None, empty()).await?;
        Ok(ByteStream::new(self, response))
    }

    /// Pipes bytes into a task that was submitted with `stdin`; completes once its agent's connection
    /// has all of them.
    ///
    /// # Errors
    /// [`Error::Refused`] if the task does not take input or is over, and the transport's errors.
    pub async fn feed(
        &self,
        id: &str,
        input: impl Stream<Item = std::io::Result<Bytes>> + Send + Sync + 'static,
    ) -> Result<(), Error> {
        let path = format!("/v1/tasks/{}/stdin", escape(id));
        let frames = input.map(|chunk| chunk.map(Frame::data));
        let body = BodyExt::boxed(StreamBody::new(frames));
        self.send(Method::PUT, &path, Some("application/octet-stream"), body)
            .await?;
        Ok(())
    }

    pub(crate) async fn pages<T: serde::de::DeserializeOwned>(
        &self,
        path: &str,
        query: &str,
    ) -> Result<Vec<T>, Error> {
        let mut items = Vec::new();
        let mut cursor = String::new();
        loop {
            let page: Page<T> = self.get(&format!("{path}?{query}{cursor}")).await?;
            items.extend(page.items);
            let Some(next) = page.next else {
                return Ok(items);
            };
            let next = format!("&cursor={}", escape(&next));
            if next == cursor {
                return Err(self.protocol(path, &"the list does not go on"));
            }
            cursor = next;
        }
    }
}
