//! The spans that the driver makes: what became of what it heard, and the steps of each task.
//!
//! All of a task are children of the task's own span, whichever process and life of the agent makes
//! them; each is made when what it tells is over, so none waits for hours to be known.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use insula_agent_core::{Core, TaskRecord, Update};
use insula_telemetry::names::{key, span};
use insula_telemetry::{Kind, Span};
use insula_types::message::{CommandBody, ToAgent};
use insula_types::task::Exit;
use insula_types::{LaunchId, TaskKind, TaskState, Time, TraceContext};

/// See the module. The maps hold only launches that are traced and not forgotten.
#[derive(Debug, Default)]
pub(super) struct Spans {
    /// What was heard and waits for the next write of the journal.
    gathering: Vec<Span>,
    /// What was heard and waits for the write under way.
    in_write: Vec<Span>,
    /// When each launch was handed to its executor, until that has answered.
    starting: BTreeMap<LaunchId, SystemTime>,
    /// When the latest update of each launch was made, until it is sent for the first time.
    made: BTreeMap<LaunchId, SystemTime>,
}

impl Spans {
    /// The span of a message about a task, which begins with its arrival.
    pub(super) fn heard(
        core: &Core,
        message: &ToAgent,
        trace: &TraceContext,
        arrived: SystemTime,
    ) -> Option<Span> {
        let (name, launch) = match message {
            ToAgent::Command(command) => match &command.body {
                CommandBody::Launch(launch) => {
                    let begun = Span::begin(span::PROCESS_LAUNCH, Kind::Consumer, &launch.trace);
                    let begun = begun.of(&launch.framework.tenant).from(arrived);
                    return Some(named(begun, launch.launch));
                }
                CommandBody::Kill { launch, .. } => (span::PROCESS_KILL, *launch),
                CommandBody::AcknowledgeTerminal { launch, .. } => {
                    (span::PROCESS_ACKNOWLEDGE, *launch)
                }
                CommandBody::Noop => return None,
            },
            ToAgent::Acknowledge { launch, .. } => (span::PROCESS_ACKNOWLEDGE, *launch),
            ToAgent::Discard { launch } => (span::PROCESS_DISCARD, *launch),
            ToAgent::Registered { .. }
            | ToAgent::Resync
            | ToAgent::ReportAll
            | ToAgent::Disconnect { .. } => return None,
        };
        // A former control plane does not say which trace it is; the launch did.
        let task = core.task(launch);
        let own = task.map(|task| &task.trace).filter(|_| trace.is_empty());
        let begun = Span::begin(name, Kind::Consumer, own.unwrap_or(trace)).from(arrived);
        let begun = match task {
            Some(task) => begun.of(&task.framework.tenant),
            None => begun,
        };
        Some(begun)
    }

    /// What was heard has led to something that waits for the journal, and its span with it.
    pub(super) fn gather(&mut self, heard: Span) {
        if heard.is_recorded() {
            self.gathering.push(heard);
        }
    }

    /// What gathered is being written, or need not be.
    pub(super) fn writes(&mut self) {
        self.in_write.append(&mut self.gathering);
    }

    /// What was being written is durable.
    pub(super) fn written(&mut self) {
        self.in_write.clear();
    }

    /// A launch is handed to its executor.
    pub(super) fn starts(&mut self, launch: LaunchId, trace: &TraceContext) {
        if trace.is_sampled() {
            self.starting.insert(launch, SystemTime::now());
        }
    }

    /// A task changed its state.
    pub(super) fn updated(&mut self, core: &Core, launch: LaunchId, update: &Update) {
        let Some(task) = core.task(launch) else {
            return;
        };
        if task.trace.is_sampled() {
            self.made.insert(launch, SystemTime::now());
        }
        let handed = self.starting.remove(&launch);
        let handed = handed.or(task.received.map(at)).unwrap_or(at(update.at));
        if !update.state.is_terminal() {
            let running = update.started.unwrap_or(update.at);
            drop(step(span::START, task).from(handed).until(at(running)));
            return;
        }
        let mut ended = match core.running_since(launch) {
            Some(started) => step(span::RUN, task).from(at(started)),
            None => step(span::START, task).from(handed),
        };
        note_end(&mut ended, update);
        drop(ended.until(at(update.at)));
    }

    /// The span of sending an update, the first time since it was made.
    pub(super) fn sends(
        &mut self,
        core: &Core,
        launch: LaunchId,
        state: TaskState,
        trace: &TraceContext,
    ) -> Option<Span> {
        let made = self.made.remove(&launch);
        if !trace.is_sampled() {
            return None;
        }
        let begun = Span::begin(span::SEND_UPDATE, Kind::Producer, trace);
        let begun = begun.from(made.unwrap_or_else(SystemTime::now));
        let begun = match core.task(launch) {
            Some(task) => begun.of(&task.framework.tenant),
            None => begun,
        };
        Some(begun.with(key::TASK_STATE, state.as_str()))
    }

    /// Nothing more will be told of a launch.
    pub(super) fn forgotten(&mut self, launch: LaunchId) {
        self.starting.remove(&launch);
        self.made.remove(&launch);
    }
}

fn step(name: &'static str, task: &TaskRecord) -> Span {
    let executor = match task.kind {
        TaskKind::Native => "shepherd",
        TaskKind::Wasm => "wasm executor",
    };
    let span = Span::begin(name, Kind::Internal, &task.trace).of(&task.framework.tenant);
    span.with(key::TASK_KIND, task.kind.as_str())
        .with(key::EXECUTOR, executor)
}

fn named(mut span: Span, launch: LaunchId) -> Span {
    if span.is_recorded() {
        span.set(key::LAUNCH, launch.to_string());
    }
    span
}

/// An end that nobody asked for, and that is no success, is an error.
fn note_end(span: &mut Span, update: &Update) {
    span.set(key::TASK_STATE, update.state.as_str());
    if let Some(reason) = update.reason {
        span.set(key::REASON, reason.as_str());
    }
    match update.exit {
        Some(Exit::Code(code)) => span.set(key::EXIT_CODE, i64::from(code)),
        Some(Exit::Signal(signal)) => span.set(key::EXIT_SIGNAL, i64::from(signal)),
        None => {}
    }
    if !matches!(update.state, TaskState::Finished | TaskState::Killed) {
        span.fail(update.state.as_str(), &update.message);
    }
}

fn at(time: Time) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_micros(time.0)
}
