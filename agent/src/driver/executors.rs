//! The two kinds of executors, and what they report.

use insula_agent_core::{Absence, Input, TaskRecord};
use insula_types::message::Launch;
use insula_types::{LaunchId, Span, TaskKind, TraceContext};

use super::Driver;
use crate::error::sentence;
use crate::native::{Native, News};
use crate::shepherd::{Error, Kind, TaskState, Welcome};
use crate::wasm::{Left, Wasm};

/// Who starts and ends tasks.
#[derive(Debug)]
pub(super) struct Executors {
    pub(super) native: Native,
    pub(super) wasm: Wasm,
    /// Why launches of an earlier agent may be absent, until the shepherd has told what it has.
    absence: Option<Absence>,
}

impl Executors {
    pub(super) const fn new(native: Native, wasm: Wasm, rebooted: bool) -> Self {
        let absence = if rebooted {
            Absence::MachineRestarted
        } else {
            Absence::AgentRestarted
        };
        Self {
            native,
            wasm,
            absence: Some(absence),
        }
    }

    /// The core's answer, if the launch cannot start at all.
    pub(super) fn start(&mut self, launch: Launch) -> Option<Input> {
        let id = launch.launch;
        let started = match launch.kind {
            TaskKind::Native => self.native.start(&launch),
            TaskKind::Wasm => self.wasm.start(launch),
        };
        started.err().map(|sentence| Input::StartFailed {
            launch: id,
            sentence,
        })
    }

    /// A launch of unknown kind is killed wherever it may be.
    pub(super) fn kill(
        &mut self,
        launch: LaunchId,
        kind: Option<TaskKind>,
        grace: Span,
        trace: TraceContext,
    ) {
        if kind != Some(TaskKind::Wasm) {
            self.native.kill(launch.to_string(), grace, trace.clone());
        }
        if kind != Some(TaskKind::Native) {
            self.wasm.kill(launch, trace);
        }
    }

    pub(super) fn forget(&mut self, launch: LaunchId, kind: Option<TaskKind>, trace: TraceContext) {
        if kind != Some(TaskKind::Wasm) {
            self.native.forget(launch.to_string(), trace.clone());
        }
        if kind != Some(TaskKind::Native) {
            self.wasm.forget(launch, trace);
        }
    }
}

impl Driver {
    pub(super) fn take_news(&mut self, news: Result<News, Error>) {
        match news {
            Ok(News::Welcome(welcome)) => self.take_welcome(*welcome),
            Ok(News::Changed(state)) => self.take_state(state),
            Err(error) => tracing::error!("{}; trying again", sentence(&error)),
        }
    }

    fn take_welcome(&mut self, welcome: Welcome) {
        let absence = self.executors.absence.take();
        let executors: Vec<TaskState> = welcome
            .tasks
            .iter()
            .filter(|state| is_executor(state))
            .cloned()
            .collect();
        for state in &executors {
            self.forget_ended_executor(state);
        }
        // Only the first time: later the executors themselves know what they were given.
        let wasm = match absence {
            Some(_) => self.expect_what_was_left(),
            None => Vec::new(),
        };
        let absence = absence.unwrap_or(Absence::ExecutorEnded);
        self.executors.wasm.compare(executors, wasm, absence);
        for input in self.executors.native.compare(welcome, absence) {
            self.step(input);
        }
    }

    /// Tells the native side which launches an earlier agent left, and returns those of Wasm tasks.
    fn expect_what_was_left(&mut self) -> Vec<Left> {
        let (wasm, native): (Vec<&TaskRecord>, Vec<&TaskRecord>) = self
            .core
            .unrecovered()
            .partition(|task| task.kind == TaskKind::Wasm);
        self.executors
            .native
            .expect(native.into_iter().map(|task| task.launch));
        let left = |task: &TaskRecord| Left {
            launch: task.launch,
            framework: task.framework.clone(),
            trace: task.trace.clone(),
        };
        wasm.into_iter().map(left).collect()
    }

    fn take_state(&mut self, state: TaskState) {
        if is_executor(&state) {
            self.forget_ended_executor(&state);
            self.executors.wasm.executor_changed(state);
        } else if let Some(input) = Native::input(state) {
            self.step(input);
        }
    }

    /// An executor's end needs no journal: its tasks' ends are what counts.
    fn forget_ended_executor(&mut self, state: &TaskState) {
        if !matches!(state, TaskState::Started(_)) {
            let trace = self.or_ours(state.trace().clone());
            self.executors.native.forget(state.id().to_owned(), trace);
        }
    }
}

fn is_executor(state: &TaskState) -> bool {
    let kind = match state {
        TaskState::Started(started) => started.kind,
        TaskState::StartFailed(failed) => failed.kind,
        TaskState::Exited(exited) => exited.kind,
    };
    kind == Kind::Executor
}
