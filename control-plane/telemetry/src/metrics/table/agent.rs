//! What agents have.

use super::super::definition::{Definition, Process, Unit};
use super::super::label::Label;
use super::super::labels::{AgentQueue, Answered, LiveState, Runs};

/// Tasks.
pub const AGENT_TASKS: Definition = Definition::gauge(
    "insula.agent.tasks",
    Unit::Of("{task}"),
    &[Label::of::<LiveState>()],
)
.of(Process::Agent)
.means("Tasks that the agent has.")
.when_bad("`starting` for long: executors or modules do not come up; see the agent's log.");

/// Updates.
pub const AGENT_UPDATES_PENDING: Definition = Definition::gauge(
    "insula.agent.updates.pending",
    Unit::Of("{update}"),
    &[],
)
.of(Process::Agent)
.means("Status updates that were not acknowledged yet.")
.when_bad("Rising while connected: frameworks do not acknowledge, or the control plane is behind.");

/// Connection.
pub const AGENT_CONNECTED: Definition =
    Definition::gauge("insula.agent.connected", Unit::Of("{session}"), &[])
        .of(Process::Agent)
        .means("1 if the agent is registered with the control plane, else 0.")
        .when_bad("0 for longer than a minute: the control plane cannot be reached from here; running tasks go on.");

/// Sessions.
pub const AGENT_SESSIONS: Definition = Definition::counter(
    "insula.agent.sessions",
    Unit::Of("{session}"),
    &[Label::of::<Answered>()],
)
.of(Process::Agent)
.means("Sessions that the agent opened, and tries that failed.")
.when_bad("Rising steadily: the connection breaks again and again; the agent's log says why.");

/// Journal.
pub const AGENT_JOURNAL_DURATION: Definition =
    Definition::histogram("insula.agent.journal.duration", Unit::Seconds, &[])
        .of(Process::Agent)
        .means("Time to write a batch of the journal and to flush it to the disk.")
        .when_bad("Above 50 ms: the disk of the work directory is slow; every start and every update waits for it.");

/// Journal batches.
pub const AGENT_JOURNAL_RECORDS: Definition =
    Definition::histogram("insula.agent.journal.records", Unit::Of("{record}"), &[])
        .of(Process::Agent)
        .means("Records of such a batch.");

/// Launches.
pub const AGENT_LAUNCH_DURATION: Definition = Definition::histogram(
    "insula.agent.launch.duration",
    Unit::Seconds,
    &[Label::of::<Runs>()],
)
.of(Process::Agent)
.means("Time from the arrival of a launch to when its task runs.")
.when_bad("Long for `wasm` at first starts: modules are fetched and compiled then, and cached. Long otherwise: the machine is overloaded.");

/// Executors.
pub const AGENT_EXECUTORS: Definition =
    Definition::gauge("insula.agent.executors", Unit::Of("{process}"), &[])
        .of(Process::Agent)
        .means("Executor processes for Wasm that run.");

/// Queues.
pub const AGENT_QUEUE_DEPTH: Definition = Definition::gauge(
    "insula.agent.queue.depth",
    Unit::Of("{item}"),
    &[Label::of::<AgentQueue>()],
)
.of(Process::Agent)
.means("What waits in a bounded queue of the agent.")
.when_bad("Near `insula_agent_queue_limit`: the agent or the control plane is behind.");

/// Bounds.
pub const AGENT_QUEUE_LIMIT: Definition = Definition::gauge(
    "insula.agent.queue.limit",
    Unit::Of("{item}"),
    &[Label::of::<AgentQueue>()],
)
.of(Process::Agent)
.means("How much may wait there.");
