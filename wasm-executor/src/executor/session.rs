//! The conversation with the agent, over as many connections as it takes.

use std::io;
use std::time::{Duration, Instant};

use bytes::BytesMut;
use insula_proto::insula::wasm::v1::{
    Call, Calls, Event, Events, Launch, Subscribe, Trace, Update, call, event,
};
use prost::Message as _;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UnixStream;
use tokio::sync::mpsc::UnboundedReceiver;

use super::Options;
use super::runner::{Accepted, Runner};
use super::tasks::Tasks;
use crate::protocol::{self, frame};

/// Waits between attempts to connect: the first, and the longest after doubling. The agent is on
/// this machine, so a failed attempt costs next to nothing.
const RETRY_FIRST: Duration = Duration::from_millis(20);
const RETRY_LONGEST: Duration = Duration::from_secs(2);

/// While this many updates are unsent nothing is read, so that an agent which asks and does not
/// listen cannot fill this process's memory. What one frame asks for and guests' own updates come on
/// top: two for each launch held.
const UNTOLD_MAX: usize = 10_000;

/// Content of one frame of updates: far below the limit of a frame, for one more update may come on
/// top, and enough that a write is worth its system call.
const CALLS_BYTES: usize = 256 << 10;

/// The longest launch id. Every update carries one, and must fit a frame with others.
const LAUNCH_ID_BYTES: usize = 256;

/// Reports taken over at a time, before the socket has its turn.
const REPORTS_BATCH: usize = 512;

/// How a connection ended without an error.
enum Closed {
    /// The agent went away.
    ByAgent,
    /// The agent asked for the end, and all is told.
    Shutdown,
}

/// Why a connection is of no use any more.
#[derive(Debug, thiserror::Error)]
enum Broken {
    #[error("the connection to the agent failed")]
    Io(#[from] io::Error),
    #[error("the agent does not keep to the protocol")]
    Frame(#[from] frame::FrameError),
    #[error("the agent sent a launch id of {0} bytes, more than {LAUNCH_ID_BYTES}")]
    LaunchId(usize),
}

/// Everything the talking thread owns.
pub(super) struct Session {
    options: Options,
    engine_key: String,
    runner: Runner,
    reports: UnboundedReceiver<Update>,
    tasks: Tasks,
    /// The agent asked for the end.
    shutdown: bool,
    /// The agent of the present connection has accepted this executor.
    accepted: bool,
    /// When the last such connection ended, or the process began.
    agent_left: Instant,
    retry: Duration,
}

impl Session {
    pub(super) fn new(
        options: Options,
        engine_key: String,
        runner: Runner,
        reports: UnboundedReceiver<Update>,
    ) -> Self {
        let tasks = Tasks::new(options.launches_max);
        Self {
            options,
            engine_key,
            runner,
            reports,
            tasks,
            shutdown: false,
            accepted: false,
            agent_left: Instant::now(),
            retry: RETRY_FIRST,
        }
    }

    /// Talks with one agent after the other until there is nothing left to do.
    pub(super) async fn run(mut self) {
        loop {
            match self.connect().await {
                Ok(Closed::Shutdown) => return tracing::info!("shut down by the agent"),
                Ok(Closed::ByAgent) => tracing::info!("the agent closed the connection"),
                Err(error) => tracing::debug!(
                    cause = std::error::Error::source(&error).map(ToString::to_string),
                    "{error}"
                ),
            }
            if std::mem::take(&mut self.accepted) {
                self.agent_left = Instant::now();
                self.retry = RETRY_FIRST;
            }
            if self.is_abandoned() {
                return tracing::info!("no agent and no launches: the executor ends");
            }
            self.pause().await;
        }
    }

    /// Nobody will miss this process: no agent for long, and nothing that an agent is owed. A
    /// launch that ended unacknowledged is owed, however long that takes.
    fn is_abandoned(&self) -> bool {
        let nothing_owed = self.tasks.is_empty() || (self.shutdown && self.tasks.live() == 0);
        nothing_owed && (self.shutdown || self.agent_left.elapsed() >= self.options.linger)
    }

    /// Waits before the next attempt, and keeps the table up to date meanwhile.
    async fn pause(&mut self) {
        let wait = tokio::time::sleep(self.retry);
        tokio::pin!(wait);
        self.retry = (self.retry * 2).min(RETRY_LONGEST);
        loop {
            tokio::select! {
                () = &mut wait => return,
                Some(update) = self.reports.recv() => self.tasks.report(update),
            }
        }
    }

    async fn connect(&mut self) -> Result<Closed, Broken> {
        let stream = UnixStream::connect(&self.options.socket).await?;
        let mut unsent = BytesMut::new();
        self.subscribe(&mut unsent)?;
        self.converse(stream, unsent).await
    }

    async fn converse(
        &mut self,
        mut stream: UnixStream,
        mut unsent: BytesMut,
    ) -> Result<Closed, Broken> {
        let (mut reader, mut writer) = stream.split();
        let mut received = BytesMut::new();
        let mut reports = Vec::with_capacity(REPORTS_BATCH);
        loop {
            if unsent.is_empty() {
                self.tell(&mut unsent)?;
            }
            if self.shutdown && self.tasks.live() == 0 && unsent.is_empty() {
                return Ok(Closed::Shutdown);
            }
            // Every branch is cancel safe: what it does not finish it has not begun.
            tokio::select! {
                read = reader.read_buf(&mut received), if self.tasks.untold() < UNTOLD_MAX => {
                    if read? == 0 {
                        return Ok(Closed::ByAgent);
                    }
                    while let Some(events) = frame::take::<Events>(&mut received)? {
                        for event in events.events {
                            self.handle(event)?;
                        }
                    }
                }
                written = writer.write_buf(&mut unsent), if !unsent.is_empty() => {
                    written?;
                }
                _ = self.reports.recv_many(&mut reports, REPORTS_BATCH) => {
                    reports.drain(..).for_each(|update| self.tasks.report(update));
                }
            }
        }
    }

    fn handle(&mut self, event: Event) -> Result<(), Broken> {
        check_launch_id(&event)?;
        let Event { event, trace } = event;
        match event {
            Some(event::Event::Subscribed(_)) => self.accepted = true,
            Some(event::Event::Launch(launch)) => self.launch(launch, trace),
            Some(event::Event::Kill(kill)) => self.tasks.kill(&kill.launch_id, trace),
            Some(event::Event::Acknowledge(done)) => self.tasks.acknowledge(&done.launch_id),
            Some(event::Event::Shutdown(_)) => {
                self.shutdown = true;
                self.tasks.kill_all();
            }
            // A newer agent says something that this executor has never heard of.
            None => tracing::warn!("an event of the agent is unknown and was ignored"),
        }
        Ok(())
    }

    /// An agent of a former build names the trace only in the launch itself.
    fn launch(&mut self, launch: Launch, trace: Option<Trace>) {
        let trace = trace.or_else(|| protocol::trace(&launch.traceparent, &launch.tracestate));
        let launch_id = launch.launch_id.clone();
        let (task_id, traceparent) = (launch.task_id.clone(), launch.traceparent.clone());
        let Some(stop) = self.tasks.launch(&launch_id, trace) else {
            return;
        };
        if self.shutdown {
            stop.request();
        }
        match protocol::launch(launch) {
            Ok((task, artifact)) => {
                self.runner.start(Accepted {
                    launch_id,
                    task_id,
                    traceparent,
                    task,
                    artifact,
                    stop,
                });
            }
            Err(sentence) => self.tasks.report(protocol::refused(&launch_id, sentence)),
        }
    }

    /// Writes the first call or, if there are many launches, calls.
    fn subscribe(&mut self, unsent: &mut BytesMut) -> Result<(), frame::FrameError> {
        let mut states = self.tasks.resync().into_iter().peekable();
        loop {
            let tasks = up_to(CALLS_BYTES, Update::encoded_len, &mut || states.next());
            let subscribe = Subscribe {
                framework_id: self.options.framework_id.clone(),
                executor_id: self.options.executor_id.clone(),
                token: self.options.token.0.clone(),
                tasks,
                more: states.peek().is_some(),
                engine_key: self.engine_key.clone(),
                pid: std::process::id(),
            };
            let last = !subscribe.more;
            let calls = vec![Call {
                call: Some(call::Call::Subscribe(subscribe)),
                trace: self.options.trace.clone(),
            }];
            frame::append(unsent, &Calls { calls })?;
            if last {
                return Ok(());
            }
        }
    }

    /// Writes the next updates, if there are any.
    fn tell(&mut self, unsent: &mut BytesMut) -> Result<(), frame::FrameError> {
        let mut next = || {
            let (update, trace) = self.tasks.next()?;
            let call = Some(call::Call::Update(update));
            Some(Call { call, trace })
        };
        let calls = up_to(CALLS_BYTES, Call::encoded_len, &mut next);
        if calls.is_empty() {
            return Ok(());
        }
        frame::append(unsent, &Calls { calls })
    }
}

fn check_launch_id(event: &Event) -> Result<(), Broken> {
    let launch_id = match &event.event {
        Some(event::Event::Launch(launch)) => &launch.launch_id,
        Some(event::Event::Kill(kill)) => &kill.launch_id,
        Some(event::Event::Acknowledge(acknowledge)) => &acknowledge.launch_id,
        Some(event::Event::Subscribed(_) | event::Event::Shutdown(_)) | None => return Ok(()),
    };
    if launch_id.len() > LAUNCH_ID_BYTES {
        return Err(Broken::LaunchId(launch_id.len()));
    }
    Ok(())
}

/// Takes messages until they fill `bytes`, or until there are no more.
fn up_to<M>(
    bytes: usize,
    len: impl Fn(&M) -> usize,
    next: &mut dyn FnMut() -> Option<M>,
) -> Vec<M> {
    let mut taken = Vec::new();
    let mut filled = 0;
    while filled < bytes {
        let Some(message) = next() else { break };
        filled += len(&message);
        taken.push(message);
    }
    taken
}
