//! What agents say.

use std::collections::BTreeMap;

use bytes::Bytes;
use insula_types::agent::{AgentCapabilities, AgentInfo, Enforcement};
use insula_types::message::{FromAgent, Registration, TaskReport};
use insula_types::{
    CheckpointId, ExecutorId, FORMAT_VERSION, SessionId, TasksDigest, Time, TraceContext,
};

use super::AgentProtocolError as Error;
use super::ids::{
    bad_id, framework_from_wire, framework_to_wire, launch_from_wire, launch_to_wire,
    some_uuid_from_wire, task_from_wire, trace_from_wire, trace_to_wire, uuid_to_wire,
    watermark_from_wire, watermark_to_wire,
};
use super::status::{state_from_wire, status_from_wire, status_to_wire};
use crate::insula::agent::v1;
use crate::insula::agent::v1::from_agent::Message;

/// A message of an agent with the trace it belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said {
    /// What it says.
    pub message: AgentMessage,
    /// The trace of the task that it is about, else of the agent's session; empty only from a former
    /// agent. An update that travels under another trace than it names takes that one.
    pub trace: TraceContext,
}

/// One message of an agent: for the gateway itself, or for the kernel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AgentMessage {
    /// Opens the session under a nonce that the agent made.
    Hello {
        /// The nonce.
        session: SessionId,
    },
    /// For the kernel.
    Kernel(FromAgent),
    /// A request for output or input cannot be answered.
    RequestFailed {
        /// Which request.
        request: String,
        /// Why, for people.
        sentence: String,
        /// Whether the agent has no such launch.
        not_found: bool,
    },
}

/// The message as it is sent.
#[must_use]
pub fn from_agent_to_wire(said: Said) -> v1::FromAgent {
    let Said { message, trace } = said;
    let own = own_trace(&message).filter(|_| trace.is_empty());
    let trace = trace_to_wire(own.unwrap_or(&trace));
    let message = match message {
        AgentMessage::Hello { session } => Message::Hello(v1::Hello {
            session: session.to_string(),
        }),
        AgentMessage::Kernel(message) => kernel_to_wire(message),
        AgentMessage::RequestFailed {
            request,
            sentence,
            not_found,
        } => Message::RequestFailed(v1::RequestFailed {
            request_id: request,
            sentence,
            not_found,
        }),
    };
    v1::FromAgent {
        format_version: FORMAT_VERSION,
        message: Some(message),
        trace,
    }
}

/// What an update says itself, as all that former builds know of traces.
fn own_trace(message: &AgentMessage) -> Option<&TraceContext> {
    match message {
        AgentMessage::Kernel(FromAgent::Update { trace, .. }) => Some(trace),
        _ => None,
    }
}

/// Reads a message.
///
/// # Errors
/// [`Error`], for the first thing that is wrong.
pub fn from_agent_from_wire(wire: v1::FromAgent) -> Result<Said, Error> {
    super::check_version(wire.format_version)?;
    let trace = trace_from_wire(wire.trace);
    let message = message_from_wire(wire.message.ok_or(Error::Absent("content"))?)?;
    Ok(agreed(trace, message))
}

/// One trace for frame and update: the frame's, or the update's if a former build sent it.
fn agreed(mut trace: TraceContext, mut message: AgentMessage) -> Said {
    if let AgentMessage::Kernel(FromAgent::Update { trace: own, .. }) = &mut message {
        if trace.is_empty() {
            trace.clone_from(own);
        } else {
            own.clone_from(&trace);
        }
    }
    Said { message, trace }
}

fn message_from_wire(message: Message) -> Result<AgentMessage, Error> {
    let kernel = match message {
        Message::Hello(hello) => {
            let session = SessionId::new(&hello.session).map_err(bad_id("session"))?;
            return Ok(AgentMessage::Hello { session });
        }
        Message::RequestFailed(failed) => {
            return Ok(AgentMessage::RequestFailed {
                request: failed.request_id,
                sentence: failed.sentence,
                not_found: failed.not_found,
            });
        }
        Message::Register(register) => {
            FromAgent::Register(Box::new(registration_from_wire(register)?))
        }
        Message::RegisterByDigest(register) => {
            let settled = digest_from_wire(&register.settled_sha256)?;
            let registration = registration_from_wire(register)?;
            FromAgent::Register(Box::new(Registration {
                settled: Some(settled),
                ..registration
            }))
        }
        Message::Update(update) => FromAgent::Update {
            launch: launch_from_wire(update.launch)?,
            status: Box::new(status_from_wire(
                update.status.ok_or(Error::Absent("status"))?,
            )?),
            trace: trace_from_wire(update.trace),
        },
        Message::ExecutorMessage(message) => FromAgent::Message {
            framework: framework_from_wire(message.framework)?,
            executor: ExecutorId::new(&message.executor_id).map_err(bad_id("executor id"))?,
            data: message.data,
        },
        Message::Alive(alive) => FromAgent::Alive {
            watermark: watermark_from_wire(alive.watermark),
            clock: Time(alive.clock_micros),
        },
    };
    Ok(AgentMessage::Kernel(kernel))
}

fn kernel_to_wire(message: FromAgent) -> Message {
    match message {
        FromAgent::Register(registration) => {
            let by_digest = registration.settled.is_some();
            let register = registration_to_wire(*registration);
            if by_digest {
                Message::RegisterByDigest(register)
            } else {
                Message::Register(register)
            }
        }
        FromAgent::Update {
            launch,
            status,
            trace,
        } => Message::Update(v1::Update {
            launch: launch_to_wire(launch),
            status: Some(status_to_wire(*status)),
            trace: trace_to_wire(&trace),
        }),
        FromAgent::Message {
            framework,
            executor,
            data,
        } => Message::ExecutorMessage(v1::ExecutorMessage {
            framework: framework_to_wire(&framework),
            executor_id: executor.to_string(),
            data,
        }),
        FromAgent::Alive { watermark, clock } => Message::Alive(v1::Alive {
            watermark: watermark_to_wire(watermark),
            clock_micros: clock.0,
        }),
    }
}

fn registration_to_wire(registration: Registration) -> v1::Register {
    let AgentInfo {
        hostname,
        resources,
        attributes,
        capabilities,
        version,
    } = registration.info;
    let attributes = attributes
        .into_iter()
        .map(|(name, value)| v1::Attribute { name, value });
    v1::Register {
        checkpoint_id: registration.checkpoint.to_string(),
        hostname,
        resources: resources.to_string(),
        attributes: attributes.collect(),
        capabilities: Some(capabilities_to_wire(capabilities)),
        agent_version: version,
        watermark: watermark_to_wire(registration.watermark),
        tasks: registration.tasks.into_iter().map(report_to_wire).collect(),
        clock_micros: registration.clock.0,
        protocol: registration.protocol,
        settled_sha256: registration
            .settled
            .map(|digest| Bytes::copy_from_slice(&digest.0))
            .unwrap_or_default(),
    }
}

fn digest_from_wire(bytes: &[u8]) -> Result<TasksDigest, Error> {
    let digest = bytes.try_into().map_err(|_| Error::Digest(bytes.len()))?;
    Ok(TasksDigest(digest))
}

fn registration_from_wire(register: v1::Register) -> Result<Registration, Error> {
    let attributes = register.attributes.into_iter();
    let tasks = register.tasks.into_iter().map(report_from_wire);
    Ok(Registration {
        checkpoint: CheckpointId::new(&register.checkpoint_id).map_err(bad_id("checkpoint id"))?,
        info: AgentInfo {
            hostname: register.hostname,
            resources: register.resources.parse()?,
            attributes: attributes
                .map(|attribute| (attribute.name, attribute.value))
                .collect(),
            capabilities: capabilities_from_wire(register.capabilities.unwrap_or_default()),
            version: register.agent_version,
        },
        watermark: watermark_from_wire(register.watermark),
        tasks: tasks.collect::<Result<_, _>>()?,
        clock: Time(register.clock_micros),
        settled: None,
        protocol: register.protocol,
    })
}

fn capabilities_to_wire(capabilities: AgentCapabilities) -> v1::Capabilities {
    let limit = |(name, limit): (String, Enforcement)| v1::Limit {
        name,
        missing: limit.missing.unwrap_or_default(),
    };
    v1::Capabilities {
        native: capabilities.native,
        wasm: capabilities.wasm,
        wasm_missing: capabilities.wasm_missing.unwrap_or_default(),
        limits: capabilities.limits.into_iter().map(limit).collect(),
    }
}

fn capabilities_from_wire(wire: v1::Capabilities) -> AgentCapabilities {
    let some = |text: String| (!text.is_empty()).then_some(text);
    let limits = wire.limits.into_iter();
    let limits: BTreeMap<_, _> = limits
        .map(|limit| {
            (
                limit.name,
                Enforcement {
                    missing: some(limit.missing),
                },
            )
        })
        .collect();
    AgentCapabilities {
        native: wire.native,
        wasm: wire.wasm,
        wasm_missing: some(wire.wasm_missing),
        limits,
    }
}

fn report_to_wire(report: TaskReport) -> v1::TaskReport {
    v1::TaskReport {
        launch: launch_to_wire(report.launch),
        framework: framework_to_wire(&report.framework),
        task_id: report.task.to_string(),
        state: report.state.number(),
        pending_uuid: report.pending.map(uuid_to_wire).unwrap_or_default(),
        last_uuid: report.last.map(uuid_to_wire).unwrap_or_default(),
    }
}

fn report_from_wire(report: v1::TaskReport) -> Result<TaskReport, Error> {
    Ok(TaskReport {
        launch: launch_from_wire(report.launch)?,
        framework: framework_from_wire(report.framework)?,
        task: task_from_wire(&report.task_id)?,
        state: state_from_wire(report.state)?,
        pending: some_uuid_from_wire(&report.pending_uuid)?,
        last: some_uuid_from_wire(&report.last_uuid)?,
    })
}
