//! The names of spans and of their attributes, all of them.
//!
//! Where OpenTelemetry has a name, it is that of the semantic conventions of the version that
//! [`SCHEMA_URL`] ends in (general, HTTP, RPC, messaging, database); the others begin with `insula.`.

/// Where the version of the conventions that the names are from is described; goes with every
/// exported span.
pub const SCHEMA_URL: &str = "https://opentelemetry.io/schemas/1.37.0";

/// Names of spans.
///
/// Spans of messages are named as the messaging conventions ask: the operation, then what it is done
/// with, which here is the kind of message.
pub mod span {
    /// The first span of a task, which is the parent of all others: from the arrival of the request to
    /// the commit that accepted it.
    pub const TASK: &str = "task";
    /// A gateway took the request and had it accepted.
    pub const ACCEPT: &str = "accept";
    /// A step of a task waited for, and went with, a commit.
    pub const COMMIT: &str = "commit";
    /// The scheduler decided not to do something; an event on it says what and why.
    pub const DECISION: &str = "decision";
    /// From the request to the offer that fitted.
    pub const WAIT_FOR_OFFER: &str = "wait for offer";
    /// From the start to the end.
    pub const RUN: &str = "run";
    /// A gateway opens a link to the owner of a partition.
    pub const OPEN_LINK: &str = "open link";
    /// A question about a kernel.
    pub const QUERY: &str = "query";
    /// An agent's session begins.
    pub const AGENT_SESSION: &str = "agent session";
    /// A framework's session begins.
    pub const FRAMEWORK_SESSION: &str = "framework session";
    /// A gateway hands a launch to an agent's connection.
    pub const SEND_LAUNCH: &str = "send launch";
    /// A gateway hands a kill to an agent's connection.
    pub const SEND_KILL: &str = "send kill";
    /// A gateway hands an acknowledgement to an agent's connection.
    pub const SEND_ACKNOWLEDGE: &str = "send acknowledge";
    /// A gateway hands the order to discard an unknown launch to an agent's connection.
    pub const SEND_DISCARD: &str = "send discard";
    /// A gateway took an update of an agent and handed it on to the owner in another process.
    pub const RECEIVE_UPDATE: &str = "receive update";
    /// An agent starts, up to its first session.
    pub const AGENT_START: &str = "agent start";
    /// A launch came to its agent and was made durable there.
    pub const PROCESS_LAUNCH: &str = "process launch";
    /// A kill came to the agent.
    pub const PROCESS_KILL: &str = "process kill";
    /// An acknowledgement came to the agent.
    pub const PROCESS_ACKNOWLEDGE: &str = "process acknowledge";
    /// The order to discard an unknown launch came to the agent.
    pub const PROCESS_DISCARD: &str = "process discard";
    /// An agent tells of a task's state.
    pub const SEND_UPDATE: &str = "send update";
    /// What the span of a request to another replica is called until its route is known.
    pub const FORWARD: &str = "forward";
    /// What a request's span is called until its route is known.
    pub const REQUEST: &str = "request";
    /// A framework's update waits in its session, and is written to its stream.
    pub const DELIVER_UPDATE: &str = "deliver update";
    /// A gateway asks an agent for a task's output.
    pub const SEND_READ_OUTPUT: &str = "send read output";
    /// A gateway asks an agent to take a task's input.
    pub const SEND_FEED_INPUT: &str = "send feed input";
    /// From the order to an executor to the task that runs.
    pub const START: &str = "start";
    /// An agent fetches a module.
    pub const FETCH_MODULE: &str = "fetch module";
    /// An agent compiles a module.
    pub const COMPILE: &str = "compile";
    /// A guest waits until its executor has a slot and the module for it.
    pub const WAIT_FOR_SLOT: &str = "wait for slot";
    /// An executor makes a guest of a module.
    pub const INSTANTIATE: &str = "instantiate";
    /// A partition is taken and loaded.
    pub const TAKE_PARTITION: &str = "take partition";
}

/// Names of attributes.
pub mod key {
    /// Whose it is; such a span may go to the tenant's own endpoint, and nowhere else's.
    pub const TENANT: &str = "insula.tenant";
    /// The cell.
    pub const CELL: &str = "insula.cell";
    /// The framework.
    pub const FRAMEWORK: &str = "insula.framework";
    /// The task.
    pub const TASK: &str = "insula.task";
    /// The start of a task.
    pub const LAUNCH: &str = "insula.launch";
    /// How the task runs: `native` or `wasm`.
    pub const TASK_KIND: &str = "insula.task.kind";
    /// A state of a task, as Mesos names it.
    pub const TASK_STATE: &str = "insula.task.state";
    /// Why the task is in its state, as Mesos names it.
    pub const REASON: &str = "insula.reason";
    /// The agent.
    pub const AGENT: &str = "insula.agent";
    /// The session of an agent or framework.
    pub const SESSION: &str = "insula.session";
    /// What runs the task: `shepherd` or `wasm executor`.
    pub const EXECUTOR: &str = "insula.executor";
    /// The SHA-256 of a module.
    pub const MODULE: &str = "insula.module";
    /// The signal that ended a process.
    pub const EXIT_SIGNAL: &str = "insula.exit.signal";
    /// The partition.
    pub const PARTITION: &str = "insula.partition";
    /// The epoch in which it is owned.
    pub const EPOCH: &str = "insula.epoch";
    /// What a commit made true of a task.
    pub const STEP: &str = "insula.step";
    /// The number of a commit.
    pub const COMMIT: &str = "insula.commit";
    /// Rows that a commit changes.
    pub const ROWS: &str = "insula.rows";
    /// Cells that a commit changes.
    pub const CELLS: &str = "insula.cells";
    /// Tasks that a commit or a request carries.
    pub const TASKS: &str = "insula.tasks";
    /// The kind of a Mesos call.
    pub const CALL: &str = "insula.call";
    /// Why the span is recorded although its trace is not: `error`.
    pub const RECORDED_FOR: &str = "insula.recorded_for";
    /// How a process ended.
    pub const EXIT_CODE: &str = "process.exit.code";
    /// `GET`, `POST`, ….
    pub const HTTP_METHOD: &str = "http.request.method";
    /// The route's pattern.
    pub const HTTP_ROUTE: &str = "http.route";
    /// The status of the answer.
    pub const HTTP_STATUS: &str = "http.response.status_code";
    /// Where a client's request went.
    pub const SERVER_ADDRESS: &str = "server.address";
    /// The path of a request.
    pub const URL_PATH: &str = "url.path";
    /// What kind of error, from a closed set.
    pub const ERROR_TYPE: &str = "error.type";
    /// `redis` between replicas, `insula` for what goes over an agent's session.
    pub const MESSAGING_SYSTEM: &str = "messaging.system";
    /// `send` or `process`.
    pub const MESSAGING_OPERATION_TYPE: &str = "messaging.operation.type";
    /// The kind of message.
    pub const MESSAGING_OPERATION_NAME: &str = "messaging.operation.name";
    /// `grpc`.
    pub const RPC_SYSTEM: &str = "rpc.system";
    /// The service of an rpc.
    pub const RPC_SERVICE: &str = "rpc.service";
    /// The rpc.
    pub const RPC_METHOD: &str = "rpc.method";
    /// The numeric status of an rpc.
    pub const RPC_STATUS: &str = "rpc.grpc.status_code";
    /// `postgresql` or `sqlite`.
    pub const DB_SYSTEM: &str = "db.system.name";
    /// What is done with the database.
    pub const DB_OPERATION: &str = "db.operation.name";
}
