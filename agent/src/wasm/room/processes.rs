//! Executor processes: started, found again, ended.

use insula_agent_core::{Absence, Input};
use insula_isolation::cgroup::GroupName;
use insula_types::{FrameworkKey, TraceContext};
use sha2::{Digest, Sha256};
use tokio::time::Instant;
use uuid::Uuid;

use super::super::executor::Executor;
use super::super::{EXECUTOR_TOKEN, Left, socket};
use super::{CONNECTS_WITHIN, Room};
use crate::driver::{Event, Stopped};
use crate::native::group_name;
use crate::shepherd::{Kind, Limits, Run, StartSpec, Status, Stdin, TaskState};

/// More threads than any executor has.
const PROCESSES_MAX: u64 = 1_024;

impl Room {
    pub(super) async fn start_if_needed(
        &mut self,
        framework: &FrameworkKey,
    ) -> Result<(), Stopped> {
        let Some(executor) = self
            .executors
            .get_mut(framework)
            .filter(|executor| executor.needs_process())
        else {
            return Ok(());
        };
        let id = format!("{}{}", id_prefix(framework), Uuid::new_v4().simple());
        executor.process = Some(id.clone());
        executor.expected_by = Some(Instant::now() + CONNECTS_WITHIN);
        let trace = executor.cause();
        self.count();
        match self.process(framework, &id, trace) {
            Ok(spec) => self.driver.send(Event::StartProcess(Box::new(spec))).await,
            Err(sentence) => self.ended(framework.clone(), &sentence).await,
        }
    }

    /// The process of an executor: in a control group of its own, with nothing of the agent's but
    /// its token, and the trace of the launch that it is started for.
    fn process(
        &self,
        framework: &FrameworkKey,
        id: &str,
        trace: TraceContext,
    ) -> Result<StartSpec, String> {
        let text = |os: &std::ffi::OsStr| {
            os.to_str()
                .map(str::to_owned)
                .ok_or("the path of the executor is not UTF-8")
        };
        let mut argv = vec![text(self.program.exe.as_os_str())?];
        for arg in &self.program.args {
            argv.push(text(arg)?);
        }
        let options = [
            ("--socket", socket::NAME.to_owned()),
            ("--framework-id", framework.to_string()),
            ("--executor-id", id.to_owned()),
            ("--cache", text(self.dir.artifacts().as_os_str())?),
        ];
        argv.extend(
            options
                .into_iter()
                .flat_map(|(name, value)| [name.to_owned(), value]),
        );
        let cgroup: GroupName = group_name(id)?;
        let log = self.dir.wasm().join("executors.log");
        Ok(StartSpec {
            id: id.to_owned(),
            kind: Kind::Executor,
            run: Run::Argv(argv),
            env: environment(self.secret.token(id), &trace),
            cwd: self.dir.wasm(),
            stdin: Stdin::Null,
            stdout: log.clone(),
            stderr: log,
            limits: Limits {
                pids: Some(PROCESSES_MAX),
                ..Limits::default()
            },
            user: None,
            cgroup,
            trace,
        })
    }

    /// Finds out which launches of an earlier agent an executor may still have.
    pub(super) async fn compare(
        &mut self,
        states: Vec<TaskState>,
        launches: Vec<Left>,
        absence: Absence,
    ) -> Result<(), Stopped> {
        let mut alive: Vec<String> = Vec::new();
        for state in &states {
            match state {
                TaskState::Started(started) => alive.push(started.id.clone()),
                ended => self.executor_changed(ended).await?,
            }
        }
        for left in launches {
            let (launch, framework) = (left.launch, left.framework.clone());
            if self.frameworks.contains_key(&launch) || self.artifacts.has_waiting(launch) {
                continue;
            }
            let prefix = id_prefix(&framework);
            let Some(process) = alive.iter().find(|id| id.starts_with(&prefix)) else {
                self.tell([Input::Absent { launch, absence }]).await?;
                continue;
            };
            let executor = self.executors.entry(framework.clone()).or_default();
            executor.process.get_or_insert_with(|| process.clone());
            if !executor.is_connected() {
                executor
                    .expected_by
                    .get_or_insert_with(|| Instant::now() + CONNECTS_WITHIN);
            }
            executor.adopt(left);
            self.frameworks.insert(launch, framework);
        }
        Ok(())
    }

    pub(super) async fn executor_changed(&mut self, state: &TaskState) -> Result<(), Stopped> {
        let sentence = match state {
            TaskState::Started(_) => return Ok(()),
            TaskState::StartFailed(failed) => failed.error.clone(),
            TaskState::Exited(exited) => match &exited.status {
                Status::Code(code) => format!("it exited with status {code}"),
                Status::Signal(signal) => format!("signal {signal} ended it"),
                Status::Lost { because } => because.clone(),
            },
        };
        let id = Some(state.id());
        let is_it = |executor: &Executor| executor.process.as_deref() == id;
        let found = self.executors.iter().find(|(_, executor)| is_it(executor));
        match found.map(|(framework, _)| framework.clone()) {
            Some(framework) => self.ended(framework, &sentence).await,
            None => Ok(()),
        }
    }

    async fn ended(&mut self, framework: FrameworkKey, sentence: &str) -> Result<(), Stopped> {
        let Some(executor) = self.executors.get_mut(&framework) else {
            return Ok(());
        };
        let inputs = executor.ended(sentence);
        for input in &inputs {
            if let Input::Absent { launch, .. } | Input::StartFailed { launch, .. } = input {
                self.frameworks.remove(launch);
            }
        }
        if executor.is_nothing() {
            self.executors.remove(&framework);
        }
        self.count();
        self.tell(inputs).await?;
        // The next process; the answer to this one comes as an order.
        Box::pin(self.start_if_needed(&framework)).await
    }
}

fn environment(token: String, trace: &TraceContext) -> Vec<(String, String)> {
    let variables = [
        (EXECUTOR_TOKEN, token),
        ("TRACEPARENT", trace.traceparent()),
        ("TRACESTATE", trace.tracestate().to_owned()),
    ];
    let present = variables.into_iter().filter(|(_, value)| !value.is_empty());
    present
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
}

/// What the ids of a framework's executor processes begin with; it tells them apart also for an
/// agent that did not start them.
fn id_prefix(framework: &FrameworkKey) -> String {
    let digest = Sha256::digest(framework.to_string());
    let hex: String = digest
        .iter()
        .take(12)
        .map(|byte| format!("{byte:02x}"))
        .collect();
    format!("wasm-{hex}-")
}
