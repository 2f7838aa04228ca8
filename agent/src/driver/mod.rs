//! The one owner of the core: everything that happens to this agent passes here, in one order.
//!
//! The driver steps the core with what sessions and executors report, and carries the effects out.
//! Effects of many steps share one write of the journal (`writer`): while that is under way the
//! core is stepped on, and what follows waits for the next one. Nothing here waits for a session or
//! an executor.

mod event;
mod executors;
mod stop;
mod writer;

use std::collections::BTreeSet;
use std::future::Future;
use std::time::Duration;

use insula_agent_core::{Core, Effect, Effects, Input, LaunchPlan, Record, Refusal};
use insula_proto::convert::agent::AgentMessage;
use insula_telemetry::in_trace;
use insula_types::message::{Command, CommandBody, FromAgent, ToAgent};
use insula_types::{LaunchId, SessionId, Span};
use tokio::sync::mpsc;
use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at};

use crate::Error;
use crate::clock::Clock;
use crate::journal::Journal;
use crate::native::{Native, News};
use crate::options::ShutdownMode;
use crate::session::Outbound;
use crate::task::{self, Live, Stdins};
use crate::wasm::Wasm;
use crate::work_dir::WorkDir;

pub(crate) use event::{Event, Handle, Stopped};
use executors::Executors;
use writer::Writer;

/// Events taken at a time before the timers and the shepherd have their turn.
const EVENTS_AT_A_TIME: usize = 512;
/// How often old sandboxes are looked for.
const COLLECT_EVERY: Duration = Duration::from_secs(600);

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
}

impl Driver {
    /// `welcome` is what the shepherd said first.
    pub(crate) fn new(parts: Parts, welcome: News) -> Self {
        let mut driver = Self {
            core: parts.core,
            clock: parts.clock,
            writer: Writer::new(parts.journal),
            pending: Vec::new(),
            executors: Executors::new(parts.native, parts.wasm, parts.rebooted),
            session: None,
            events: parts.events,
            live: parts.live,
            stdins: parts.stdins,
            dir: parts.dir,
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
        let mut collect = collect_timer();
        loop {
            self.carry_on();
            tokio::select! {
                () = &mut shutdown => break,
                _ = collect.tick() => self.collect_sandboxes(),
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
            } => {
                let plan = plan(&message);
                if let ToAgent::Disconnect { reason } = &message {
                    tracing::warn!(reason, "the control plane ends the session");
                }
                self.step(Input::Message {
                    epoch,
                    session,
                    message,
                    plan,
                });
            }
            Event::Executor(input) => self.step(input),
            Event::StartProcess(spec) => self.executors.native.start_process(*spec),
            Event::KillProcess { id } => self.executors.native.kill(id, Span::ZERO),
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
                note_end(record, &self.stdins);
            }
        }
    }

    /// Starts a write if there is something to write and none is under way, and carries out what
    /// need not wait for one.
    fn carry_on(&mut self) {
        while !self.pending.is_empty() && self.writer.is_idle() {
            let effects = std::mem::take(&mut self.pending);
            let ready = self.writer.write(effects, &self.core);
            self.release(ready);
        }
    }

    fn release(&mut self, effects: Effects) {
        for effect in effects {
            match effect {
                Effect::Journal(_) => {}
                Effect::Start(launch) => {
                    in_trace(&launch.trace, "launch").in_scope(|| {
                        tracing::info!(launch = %launch.launch, task = %launch.task, "task.start");
                    });
                    if let Some(failed) = self.executors.start(*launch) {
                        self.step(failed);
                    }
                }
                Effect::Kill {
                    launch,
                    kind,
                    grace,
                } => self.executors.kill(launch, kind, grace),
                Effect::Forget { launch, kind } => self.executors.forget(launch, kind),
                Effect::Send { session, message } => self.send(&session, message),
            }
        }
    }

    fn send(&mut self, session: &SessionId, message: FromAgent) {
        let Some((current, outbound)) = &self.session else {
            return;
        };
        if current == session && !outbound.say(AgentMessage::Kernel(message)) {
            tracing::warn!("the control plane does not take what the agent says; reconnecting");
            self.session = None;
            self.step(Input::Disconnected);
        }
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

/// A task that has ended reads no more.
fn note_end(record: &Record, stdins: &Stdins) {
    if let Record::Updated { launch, update } = record
        && update.state.is_terminal()
    {
        drop(stdins.take(*launch));
    }
}

fn collect_timer() -> Interval {
    let mut interval = interval_at(Instant::now(), COLLECT_EVERY);
    interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
    interval
}
