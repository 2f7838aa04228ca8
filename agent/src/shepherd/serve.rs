//! The event loop.

use std::future;
use std::io;
use std::time::Duration;

use insula_isolation::process::{self, Identity};
use insula_types::TraceContext;
use tokio::net::UnixListener;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::{Instant, sleep_until, timeout};

use super::herd::Herd;
use super::lines::Lines;
use super::protocol::{Enforced, Event, REQUESTS, Request, VERSION, Welcome};
use super::{Error, Options, socket};

/// What tasks get when somebody ends the shepherd itself by `SIGTERM`, as a machine does that goes down.
const TERM_GRACE: Duration = Duration::from_secs(5);
/// The agent gets this long to read the last words.
const FINISH_MAX: Duration = Duration::from_secs(2);

/// Serves agents, one at a time, until it is time to go. Nothing runs any more then.
pub(super) async fn serve(
    herd: &mut Herd,
    options: &Options,
    own: &Identity,
    enforced: &Enforced,
) -> Result<(), Error> {
    let failed = |operation| move |source| Error::Loop { operation, source };
    let mut children = signal(SignalKind::child()).map_err(failed("watch for children"))?;
    let mut terminate = signal(SignalKind::terminate()).map_err(failed("watch for signals"))?;
    let listener = socket::bind(&options.dir).map_err(failed("listen"))?;
    let mut shepherd = Shepherd {
        herd,
        options,
        own,
        enforced,
        agent: None,
        alone_since: Instant::now(),
        is_leaving: false,
    };
    let served = shepherd.run(&listener, &mut children, &mut terminate).await;
    // Whatever happened, no task stays without somebody to wait for it.
    if served.is_err() {
        shepherd.herd.kill_all(Duration::ZERO, Instant::now());
    }
    shepherd.say_goodbye().await;
    served
}

struct Shepherd<'a> {
    herd: &'a mut Herd,
    options: &'a Options,
    own: &'a Identity,
    enforced: &'a Enforced,
    agent: Option<Agent>,
    /// When the last agent went.
    alone_since: Instant,
    is_leaving: bool,
}

struct Agent {
    lines: Lines,
    /// Whether it has said hello: before that it is told nothing, afterwards everything.
    is_greeted: bool,
    /// The trace of its life.
    trace: TraceContext,
}

impl Shepherd<'_> {
    async fn run(
        &mut self,
        listener: &UnixListener,
        children: &mut Signal,
        terminate: &mut Signal,
    ) -> Result<(), Error> {
        loop {
            self.tell();
            if self.is_leaving && self.herd.is_quiet() {
                return Ok(());
            }
            let wake = self.wake();
            tokio::select! {
                accepted = listener.accept() => self.accept(accepted),
                line = next_line(&mut self.agent) => self.on_line(line),
                _ = children.recv() => self.reap()?,
                _ = terminate.recv() => self.leave(TERM_GRACE),
                () = at(wake) => {}
            }
            self.on_time();
        }
    }

    /// A new agent takes the place of the old one: there is one agent per directory, so the old one is gone or about
    /// to be.
    fn accept(
        &mut self,
        accepted: io::Result<(tokio::net::UnixStream, tokio::net::unix::SocketAddr)>,
    ) {
        match accepted {
            Ok((stream, _)) => {
                self.agent = Some(Agent {
                    lines: Lines::of_shepherd(stream),
                    is_greeted: false,
                    trace: TraceContext::default(),
                });
            }
            // Out of descriptors, most likely; the agent tries again.
            Err(error) => tracing::warn!(%error, "a connection was not accepted"),
        }
    }

    fn on_line(&mut self, line: io::Result<Option<Vec<u8>>>) {
        match line {
            Ok(Some(line)) => match serde_json::from_slice(&line) {
                Ok(request) => self.on_request(request),
                Err(error) => {
                    let agent = self.agent.as_ref();
                    self.push(&Event::Refused {
                        because: format!("the request is malformed: {error}"),
                        trace: agent.map(|agent| agent.trace.clone()).unwrap_or_default(),
                    });
                }
            },
            Ok(None) => self.disconnect(),
            Err(error) => {
                tracing::warn!(%error, "the agent's connection failed");
                self.disconnect();
            }
        }
    }

    fn on_request(&mut self, request: Request) {
        match request {
            Request::Hello { version, trace } => self.welcome(version, trace),
            Request::Start(spec) if self.is_leaving => {
                self.push(&Event::Refused {
                    because: "the shepherd is shutting down".to_owned(),
                    trace: spec.trace,
                });
            }
            Request::Start(spec) => self.herd.start(&spec),
            Request::Kill {
                id,
                grace_ms,
                trace,
            } => {
                let grace = Duration::from_millis(grace_ms);
                self.herd.kill(&id, grace, Instant::now(), trace);
            }
            Request::Forget { id, .. } => self.herd.forget(&id),
            Request::Shutdown | Request::Leave { .. } => self.leave(Duration::ZERO),
        }
    }

    /// The version is the agent's to judge: it is the younger one, as a rule, and can start another shepherd.
    fn welcome(&mut self, version: u32, trace: TraceContext) {
        let trace_id = trace.trace_id_text();
        tracing::info!(version, trace_id, "an agent has come");
        // What is news was so far only for those who were here.
        drop(self.herd.take_news());
        if let Some(agent) = &mut self.agent {
            agent.is_greeted = true;
            agent.trace.clone_from(&trace);
        }
        self.push(&Event::Welcome(Welcome {
            version: VERSION,
            shepherd: self.own.clone(),
            enforced: self.enforced.clone(),
            tasks: self.herd.states(),
            requests: REQUESTS,
            trace,
        }));
    }

    fn tell(&mut self) {
        for event in self.herd.take_news() {
            self.push(&event);
        }
    }

    fn push(&mut self, event: &Event) {
        let Some(agent) = self.agent.as_mut().filter(|agent| agent.is_greeted) else {
            return;
        };
        if let Err(error) = agent.lines.push(event) {
            tracing::warn!(%error, "the agent's connection is given up");
            self.disconnect();
        }
    }

    fn disconnect(&mut self) {
        self.agent = None;
        self.alone_since = Instant::now();
    }

    fn reap(&mut self) -> Result<(), Error> {
        while let Some(end) = process::reap()? {
            self.herd.reaped(end, Instant::now());
        }
        Ok(())
    }

    fn leave(&mut self, grace: Duration) {
        self.is_leaving = true;
        self.herd.kill_all(grace, Instant::now());
    }

    fn on_time(&mut self) {
        let now = Instant::now();
        self.herd.on_time(now);
        if self.end_of_patience().is_some_and(|at| at <= now) && !self.is_leaving {
            tracing::info!("the agent stays away");
            self.leave(Duration::ZERO);
        }
    }

    fn wake(&self) -> Option<Instant> {
        let patience = self.end_of_patience().filter(|_| !self.is_leaving);
        self.herd.next_due().into_iter().chain(patience).min()
    }

    /// When to go if no agent comes.
    fn end_of_patience(&self) -> Option<Instant> {
        if self.agent.is_some() {
            return None;
        }
        // Ends that nobody has forgotten are in the log, where the next shepherd finds them.
        let linger = self.herd.is_quiet().then_some(self.options.linger_ms);
        let ms = self
            .options
            .die_with_agent_ms
            .into_iter()
            .chain(linger)
            .min()?;
        Some(self.alone_since + Duration::from_millis(ms))
    }

    async fn say_goodbye(&mut self) {
        self.tell();
        let Some(agent) = self.agent.take() else {
            return;
        };
        if timeout(FINISH_MAX, agent.lines.finish()).await.is_err() {
            tracing::warn!("the agent did not read the last words");
        }
    }
}

async fn next_line(agent: &mut Option<Agent>) -> io::Result<Option<Vec<u8>>> {
    match agent {
        Some(agent) => agent.lines.next().await,
        None => future::pending().await,
    }
}

async fn at(instant: Option<Instant>) {
    match instant {
        Some(instant) => sleep_until(instant).await,
        None => future::pending().await,
    }
}
