//! A task begins: its row, its description, its launch command.

use bytes::Bytes;
use insula_types::agent::AgentCapabilities;
use insula_types::event::{Event, EventKind};
use insula_types::record::{Record, TaskRow};
use insula_types::task::TaskTimes;
use insula_types::{
    ExecutorId, LaunchId, Resources, Source, TaskId, TaskKey, TaskKind, TaskState, TaskStatus,
    Time, TraceContext,
};

use crate::Kernel;
use crate::agent::Outgoing;
use crate::allocator::{AgentKey, FrameworkIdx};
use crate::input::LaunchTask;
use crate::out::Out;
use crate::task::Task;

/// What a task is started from, whoever asked for it.
pub(crate) struct Start {
    pub(crate) task: TaskId,
    pub(crate) name: String,
    pub(crate) kind: TaskKind,
    pub(crate) resources: Resources,
    pub(crate) user: String,
    pub(crate) executor: Option<ExecutorId>,
    pub(crate) payload: Bytes,
    pub(crate) attempt: u32,
    /// When its request was submitted, if it has one.
    pub(crate) submitted: Option<Time>,
    pub(crate) trace: TraceContext,
}

impl Start {
    /// From an accept; a task without a trace of its own belongs to that of the call.
    pub(crate) fn of(launch: LaunchTask, call: &TraceContext) -> Self {
        Self {
            task: launch.task,
            name: launch.name,
            kind: launch.kind,
            resources: launch.resources,
            user: launch.user,
            executor: launch.executor,
            payload: launch.payload,
            attempt: 0,
            submitted: None,
            trace: launch.trace.or(call),
        }
    }
}

/// Whether an agent can run this kind of task, with its own sentence if it cannot.
pub(crate) fn check_kind(kind: TaskKind, agent: &AgentCapabilities) -> Result<(), String> {
    let (able, because) = match kind {
        TaskKind::Native => (agent.native, None),
        TaskKind::Wasm => (agent.wasm, agent.wasm_missing.as_deref()),
    };
    if able {
        return Ok(());
    }
    let because = because
        .map(|because| format!(": {because}"))
        .unwrap_or_default();
    Err(format!(
        "The agent does not run {} tasks{because}",
        kind.as_str()
    ))
}

impl Kernel {
    /// Starts a task on resources that are charged to its framework already. The caller sends the
    /// agent's commands once it has started everything that it starts there.
    pub(crate) fn start_task(
        &mut self,
        framework: FrameworkIdx,
        agent: AgentKey,
        role: &str,
        start: Start,
        out: &mut Out,
    ) -> LaunchId {
        self.launches += 1;
        self.counters.launches += 1;
        let launch = LaunchId {
            epoch: self.epoch,
            number: self.launches,
        };
        let seq = self.number_command(agent, launch, Outgoing::Launch);
        let payload = start.payload.clone();
        let row = self.first_row(launch, seq, framework, agent, role, start);
        out.persist(Record::Task(Box::new(row.clone())));
        out.persist(Record::Payload(launch, payload.clone()));
        out.publish(Event {
            at: self.now,
            trace: row.trace.clone(),
            kind: EventKind::TaskAccepted {
                task: row.key.clone(),
                launch,
                agent: row.agent.clone(),
            },
        });
        self.tasks.insert(Task {
            row,
            framework,
            agent,
            acked: false,
        });
        self.frameworks.get_mut(framework).tasks.insert(launch);
        let agent = self.agents.get_mut(agent);
        agent.tasks.insert(launch);
        agent.payloads.insert(seq, (launch, payload));
        launch
    }

    fn first_row(
        &self,
        launch: LaunchId,
        seq: u64,
        framework: FrameworkIdx,
        agent: AgentKey,
        role: &str,
        start: Start,
    ) -> TaskRow {
        let framework = self.frameworks.get(framework);
        let agent = self.agents.get(agent).row.agent.clone();
        let fallback = framework
            .client()
            .map_or("", |client| client.row.info.user.as_str());
        let user = match start.user.is_empty() {
            true => fallback.to_owned(),
            false => start.user,
        };
        let status = TaskStatus {
            agent: Some(agent.clone()),
            executor: start.executor,
            ..TaskStatus::new(
                start.task.clone(),
                TaskState::Staging,
                Source::Master,
                self.now,
            )
        };
        TaskRow {
            launch,
            key: TaskKey {
                framework: framework.key.clone(),
                task: start.task,
            },
            name: start.name,
            kind: start.kind,
            user,
            agent,
            role: role.to_owned(),
            resources: start.resources,
            status,
            last_uuid: None,
            launch_seq: seq,
            kill_seq: None,
            kill_grace: None,
            ack: None,
            archived: false,
            attempt: start.attempt,
            times: TaskTimes {
                submitted: start.submitted,
                accepted: self.now,
                ..TaskTimes::default()
            },
            trace: start.trace,
        }
    }
}
