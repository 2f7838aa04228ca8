//! The front: makes writers and readers.

use std::sync::Arc;

use insula_types::LinkId;
use tokio::runtime::Handle;
use tokio::sync::{mpsc, watch};
use tokio::task::AbortHandle;

use crate::backend::memory::InProcess;
use crate::backend::redis::{BeginError, Server};
use crate::backend::{Backend, Fault};
use crate::counts::Counts;
use crate::depths::{Depths, Queues};
use crate::feed::Feed;
use crate::follow::Follow;
use crate::options::Options;
use crate::reader::{NEWS_MAX, Reader};
use crate::session::{Health, Sessions};
use crate::stream::{Position, Stream};
use crate::writer::{Beats, Writer};

/// A stream could not be removed; it vanishes by itself after [`Options::kept`].
#[derive(Debug, thiserror::Error)]
#[error("cannot remove the stream '{stream}' from the broker: {why}")]
pub struct RemoveError {
    /// Which stream.
    pub stream: Stream,
    /// Why, in a sentence.
    pub why: String,
}

/// One replica's access to the streams that it shares with the others; cheap to clone.
#[derive(Debug, Clone)]
pub struct Broker {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    options: Options,
    sessions: Arc<Sessions>,
    queues: Queues,
    /// Where the tasks run, wherever writers and readers are made.
    runtime: Handle,
    keeper: AbortHandle,
}

impl Broker {
    /// Connects to a Redis server. From then on it comes back by itself whenever the server does.
    /// The tasks behind it run on the runtime that this is called on.
    ///
    /// # Errors
    /// [`BeginError`], also if the server discards messages when its memory is full.
    pub async fn connect(url: &str, options: Options) -> Result<Self, BeginError> {
        let server = Server::new(url, options.clone())?;
        Self::begin(Backend::Redis(Box::new(server)), options).await
    }

    /// Shares a data set in the memory of this process. The tasks behind it run on the runtime that
    /// this is called on.
    ///
    /// # Errors
    /// [`BeginError::Away`] if it was told to be.
    pub async fn in_process(data: &InProcess, options: Options) -> Result<Self, BeginError> {
        Self::begin(Backend::InProcess(data.clone()), options).await
    }

    async fn begin(backend: Backend, options: Options) -> Result<Self, BeginError> {
        let sessions = Arc::new(Sessions::new(backend.begin().await?));
        let keeping = Arc::clone(&sessions).keep(backend, options.beat);
        let shared = Shared {
            keeper: tokio::spawn(keeping).abort_handle(),
            options,
            sessions,
            queues: Queues::default(),
            runtime: Handle::current(),
        };
        Ok(Self {
            shared: Arc::new(shared),
        })
    }

    /// The sending end of a link, which must be a new one. While the broker is down it is down from
    /// the start.
    #[must_use]
    pub fn writer(&self, stream: Stream, link: LinkId, beats: Beats) -> Writer {
        let session = self.shared.sessions.current();
        let room = self.shared.queues.writer();
        let (writer, feeding) = Writer::new(link, beats, session.clone(), room);
        if let Some(session) = session {
            let feed = Feed::new(stream, session, feeding, &self.shared.options);
            self.shared.runtime.spawn(feed.run());
        }
        writer
    }

    /// The receiving end of a stream. There must be one only, in all processes.
    #[must_use]
    pub fn reader(&self, stream: Stream) -> Reader {
        let (news, receiver) = mpsc::channel(NEWS_MAX);
        self.shared.queues.reader(&news);
        let applied = watch::Sender::new(Position::default());
        let options = self.shared.options.clone();
        let follow = Follow::new(stream, options, news, applied.subscribe());
        let following = follow.run(Arc::clone(&self.shared.sessions));
        let task = self.shared.runtime.spawn(following).abort_handle();
        Reader::new(receiver, applied, task)
    }

    /// Removes a stream that nobody will read any more.
    ///
    /// # Errors
    /// [`RemoveError`] if the broker is away.
    pub async fn remove(&self, stream: &Stream) -> Result<(), RemoveError> {
        let failed = |why: String| RemoveError {
            stream: stream.clone(),
            why,
        };
        let Some(session) = self.shared.sessions.current() else {
            return Err(failed("it is away".to_owned()));
        };
        let removed = session.writing().remove(stream).await;
        removed.map_err(|fault: Fault| failed(fault.to_string()))
    }

    /// The durations and bounds in force.
    #[must_use]
    pub fn options(&self) -> &Options {
        &self.shared.options
    }

    /// Whether messages can be sent, now and from now on.
    #[must_use]
    pub fn health(&self) -> watch::Receiver<Health> {
        self.shared.sessions.health()
    }

    /// How full the queues are.
    #[must_use]
    pub fn depths(&self) -> Depths {
        self.shared.queues.depths()
    }

    /// What has gone through since it was made.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.shared.sessions.counts()
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        self.keeper.abort();
    }
}
