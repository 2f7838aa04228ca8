//! The one owner of the core: everything that happens to this agent passes here, in one order.
//!
//! The driver steps the core with what sessions and executors report, and carries the effects out.
//! Effects of many steps share one write of the journal (`writer`): while that is under way the
//! core is stepped on, and what follows waits for the next one. Nothing here waits for a session or
//! an executor.

mod event;
mod executors;
mod recorded;
mod spans;
mod stop;
mod writer;

use std::collections::BTreeSet;
use std::future::Future;
use std::time::Duration;

use insula_agent_core::{Core, Effect, Effects, Input, LaunchPlan, Refusal};
use insula_proto::convert::agent::{AgentMessage, Said};
use insula_types::message::{Command, CommandBody, FromAgent, Launch, ToAgent};
use insula_types::{LaunchId, SessionId, Span, TraceContext};
use tokio::sync::mpsc;
use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at};

use crate::Error;
use crate::clock::Clock;
use crate::figures::{Figures, Looked};
use crate::journal::Journal;
use crate::native::{Native, News};
use crate::options::ShutdownMode;
use crate::session::Outbound;
use crate::task::{self, Live, Stdins};
use crate::wasm::Wasm;
use crate::work_dir::WorkDir;

pub(crate) use event::{Event, Handle, Stopped};
use executors::Executors;
use spans::Spans;
use writer::Writer;

/// Events taken at a time before the timers and the shepherd have their turn.
const EVENTS_AT_A_TIME: usize = 512;
/// How often old sandboxes are looked for.
const COLLECT_EVERY: Duration = Duration::from_secs(600);
/// How old what metrics show of states and depths may be.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// See the module.
#[derive(Debug)]
pub(crate) struct Driver {
    core: Core,
    clock: Clock,
    writer: Writer,
    /// Effects that wait for the write under way, in order.
    pending: Effects,
    executors: Executors,
    session: Option<(SessionId, Outbound)>,
    events: mpsc::Receiver<Event>,
    live: Live,
    stdins: Stdins,
    dir: WorkDir,
    spans: Spans,
    figures: Figures,
    /// The trace of the agent's life, for what happens without a session and is about no task.
    life: TraceContext,
}

/// What a driver is made of.
#[derive(Debug)]
pub(crate) struct Parts {
    pub(crate) core: Core,
    pub(crate) clock: Clock,
    pub(crate) journal: Journal,
    pub(crate) native: Native,
    pub(crate) wasm: Wasm,
    pub(crate) events: mpsc::Receiver<Event>,
    pub(crate) live: Live,
    pub(crate) stdins: Stdins,
    pub(crate) dir: WorkDir,
    /// Whether the machine was started anew since the journal was written.
    pub(crate) rebooted: bool,
    /// The trace of the agent's life.
    pub(crate) life: TraceContext,
    pub(crate) figures: Figures,
}

impl Driver {
    /// `welcome` is what the shepherd said first.
    pub(crate) fn new(parts: Parts, welcome: News) -> Self {
        let mut driver = Self {
            core: parts.core,
            clock: parts.clock,
            writer: Writer::new(parts.journal, parts.figures.clone()),
            pending: Vec::new(),
            executors: Executors::new(parts.native, parts.wasm, parts.rebooted),
            session: None,
            events: parts.events,
            live: parts.live,
            stdins: parts.stdins,
            dir: parts.dir,
            spans: Spans::default(),
            life: parts.life,
            figures: parts.figures,
        };
        driver.take_news(Ok(welcome));
        driver
    }

    /// Runs until `shutdown` is ready, then stops as `mode` says.
    ///
    /// # Errors
    /// If the journal cannot be written: the core is then ahead of the truth and is dropped. Tasks
    /// go on, and the next agent adopts them.
    pub(crate) async fn run(
        mut self,
        shutdown: impl Future<Output = ()>,
        mode: ShutdownMode,
    ) -> Result<(), Error> {
        tokio::pin!(shutdown);
        let mut collect = every(COLLECT_EVERY);
        let mut look = every(LOOK_EVERY);
        loop {
            self.carry_on();
            tokio::select! {
                () = &mut shutdown => break,
                _ = collect.tick() => self.collect_sandboxes(),
                _ = look.tick(), if self.figures.is_read() => self.look(),
                happened = self.happened() => happened?,
            }
        }
        self.stop(mode).await
    }

    /// Waits for the next thing to happen and takes it. Cancelling it loses nothing.
    async fn happened(&mut self) -> Result<(), Error> {
        let timeout = self.core.next_timeout().map(|time| self.clock.until(time));
        tokio::select! {
            written = self.writer.written() => {
                let ready = written?;
                self.spans.written();
                self.release(ready);
            }
            Some(event) = self.events.recv() => self.take_events(event),
            news = self.executors.native.next() => self.take_news(news),
            () = tokio::time::sleep(timeout.unwrap_or_default()), if timeout.is_some() => {
                self.step(Input::Timer);
            }
        }
        Ok(())
    }

    fn take_events(&mut self, first: Event) {
        let mut next = Some(first);
        for _ in 0..EVENTS_AT_A_TIME {
            match next {
                Some(event) => self.take(event),
                None => return,
            }
            next = self.events.try_recv().ok();
        }
        if let Some(event) = next {
            self.take(event);
        }
    }

    fn take(&mut self, event: Event) {
        match event {
            Event::Connected { session, outbound } => {
                self.session = Some((session.clone(), outbound));
                self.step(Input::Connected { session });
            }
            Event::Disconnected { session } => {
                // A session that was superseded is no news.
                if self
                    .session
                    .as_ref()
                    .is_some_and(|(current, _)| *current == session)
                {
                    self.session = None;
                    self.step(Input::Disconnected);
                }
            }
            Event::Heard {
                epoch,
                session,
                message,
                trace,
                arrived,
            } => {
                let span = Spans::heard(&self.core, &message, &trace, arrived);
                let plan = plan(&message);
                if let ToAgent::Disconnect { reason } = &message {
                    let trace_id = trace.trace_id_text();
                    tracing::warn!(reason, trace_id, "the control plane ends the session");
                }
                let before = self.pending.len();
                self.step(Input::Message {
                    epoch,
                    session,
                    message,
                    plan,
                });
                if let Some(span) = span.filter(|_| self.pending.len() > before) {
                    self.spans.gather(span);
                }
            }
            Event::Executor(input) => self.step(input),
            Event::StartProcess(spec) => self.executors.native.start_process(*spec),
            Event::KillProcess { id, trace } => {
                self.executors.native.kill(id, Span::ZERO, trace);
            }
        }
    }

    fn step(&mut self, input: Input) {
        let before = self.pending.len();
        match self.core.step(self.clock.now(), input, &mut self.pending) {
            Ok(()) => {}
            Err(refusal @ Refusal::LowerEpoch { .. }) => tracing::error!("{refusal}"),
            Err(refusal) => tracing::debug!("{refusal}"),
        }
        for effect in &self.pending[before..] {
            if let Effect::Journal(record) = effect {
                self.live.see(record);
                recorded::note(record, &self.core, &mut self.spans);
                recorded::measure(record, &self.core, &self.figures);
                recorded::note_end(record, &self.stdins);
            }
        }
    }

    /// Starts a write if there is something to write and none is under way, and carries out what
    /// need not wait for one.
    fn carry_on(&mut self) {
        while !self.pending.is_empty() && self.writer.is_idle() {
            let effects = std::mem::take(&mut self.pending);
            self.spans.writes();
            let ready = self.writer.write(effects, &self.core);
            if self.writer.is_idle() {
                self.spans.written();
            }
            self.release(ready);
        }
    }

    fn release(&mut self, effects: Effects) {
        for effect in effects {
            match effect {
                Effect::Journal(_) => {}
                Effect::Start(launch) => {
                    log_start(&launch);
                    self.spans.starts(launch.launch, &launch.trace);
                    if let Some(failed) = self.executors.start(*launch) {
                        self.step(failed);
                    }
                }
                Effect::Kill {
                    launch,
                    kind,
                    grace,
                    trace,
                } => {
                    let trace = self.or_ours(trace);
                    self.executors.kill(launch, kind, grace, trace);
                }
                Effect::Forget {
                    launch,
                    kind,
                    trace,
                } => {
                    let trace = self.or_ours(trace);
                    self.executors.forget(launch, kind, trace);
                }
                Effect::Send { session, message } => self.send(&session, message),
            }
        }
    }

    fn send(&mut self, session: &SessionId, message: FromAgent) {
        let Some((current, outbound)) = &self.session else {
            return;
        };
        if current != session {
            return;
        }
        let (trace, span) = match &message {
            FromAgent::Update {
                launch,
                status,
                trace,
            } => {
                let sends = self.spans.sends(&self.core, *launch, status.state, trace);
                (trace.clone(), sends)
            }
            FromAgent::Register(_) | FromAgent::Message { .. } | FromAgent::Alive { .. } => {
                (outbound.trace().clone(), None)
            }
        };
        let message = AgentMessage::Kernel(message);
        if !outbound.say(Said { message, trace }, span) {
            let trace_id = outbound.trace().trace_id_text();
            tracing::warn!(
                trace_id,
                "the control plane does not take what the agent says; reconnecting"
            );
            self.session = None;
            self.step(Input::Disconnected);
        }
    }

    /// A trace for what has none of its own: the session's, or that of the agent's life.
    fn or_ours(&self, trace: TraceContext) -> TraceContext {
        if !trace.is_empty() {
            return trace;
        }
        let session = self.session.as_ref();
        let session = session.map(|(_, outbound)| outbound.trace());
        session.unwrap_or(&self.life).clone()
    }

    fn look(&self) {
        let outbound = self.session.as_ref();
        let events_max = self.events.max_capacity();
        self.figures.looked(&Looked {
            counts: self.core.counts(),
            is_registered: self.core.is_registered(),
            events: (self.events.len(), events_max),
            outbound: outbound.map_or((0, 0), |(_, outbound)| outbound.depth()),
        });
    }

    /// Removes old sandboxes beside the driver; the next time comes also if this one fails.
    fn collect_sandboxes(&self) {
        let held: BTreeSet<LaunchId> = self.core.launches().collect();
        let dir = self.dir.sandboxes();
        tokio::task::spawn_blocking(move || {
            match task::gc::collect(&dir, &held, std::time::SystemTime::now()) {
                Ok(0) => {}
                Ok(removed) => tracing::info!(removed, "old sandboxes were removed"),
                Err(error) => tracing::warn!(%error, "cannot look for old sandboxes"),
            }
        });
    }
}

/// What is decided on in a launch; other messages have no plan.
fn plan(message: &ToAgent) -> LaunchPlan {
    match message {
        ToAgent::Command(Command {
            body: CommandBody::Launch(launch),
            ..
        }) => task::plan(launch),
        _ => LaunchPlan::default(),
    }
}

fn log_start(launch: &Launch) {
    let kind = launch.kind.as_str();
    let trace_id = launch.trace.trace_id_text();
    tracing::info!(launch = %launch.launch, task = %launch.task, kind, trace_id, "a task is started");
}

fn every(period: Duration) -> Interval {
    let mut interval = interval_at(Instant::now(), period);
    interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
    interval
}
