//! What agents hear.

use insula_types::message::{Command, CommandBody, Launch, ToAgent};
use insula_types::{
    Epoch, FORMAT_VERSION, LaunchId, SessionId, Span, TaskKind, Time, TraceContext, UpdateUuid,
};

use super::AgentProtocolError as Error;
use super::ids::{
    bad_id, framework_from_wire, framework_to_wire, launch_from_wire, launch_to_wire,
    task_from_wire, trace_from_wire, trace_to_wire, uuid_from_wire, uuid_to_wire,
};
use crate::insula::agent::v1;
use crate::insula::agent::v1::command::Body;
use crate::insula::agent::v1::to_agent::Message;

/// A message with whom it is from and for, and the trace it belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Addressed {
    /// The sender's epoch; 0 for a gateway that speaks for itself.
    pub epoch: Epoch,
    /// The session that it is for.
    pub session: SessionId,
    /// What it says.
    pub message: ServiceMessage,
    /// The trace of the task that it is about, else of what caused it; empty only from a former
    /// control plane. A launch that travels under another trace than it names takes that one.
    pub trace: TraceContext,
}

/// One message to an agent: from the kernel, or from a gateway on somebody's behalf.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ServiceMessage {
    /// From the kernel.
    Kernel(ToAgent),
    /// Somebody wants to read output; answered by the rpc `SendOutput`.
    ReadOutput(OutputRequest),
    /// Somebody has input; answered by the rpc `ReceiveInput`.
    FeedInput {
        /// Names the request.
        request: String,
        /// For which launch.
        launch: LaunchId,
    },
}

/// Which part of whose output is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutputRequest {
    /// Names the request.
    pub request: String,
    /// Whose output.
    pub launch: LaunchId,
    /// Which stream.
    pub output: Output,
    /// From where.
    pub start: Start,
    /// Whether to go on until the task has ended.
    pub follow: bool,
}

/// One of a task's two output streams.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Output {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
}

impl Output {
    /// The name on the wire, which is that of the file in the sandbox.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Stdout => "stdout",
            Self::Stderr => "stderr",
        }
    }

    /// The stream of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Stdout, Self::Stderr]
            .into_iter()
            .find(|output| output.as_str() == name)
    }
}

/// Where reading begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// At this byte.
    Offset(u64),
    /// So many bytes before what is the end now.
    Tail(u64),
}

/// The message as it is sent.
#[must_use]
pub fn to_agent_to_wire(addressed: Addressed) -> v1::ToAgent {
    let Addressed {
        epoch,
        session,
        message,
        trace,
    } = addressed;
    let own = own_trace(&message).filter(|_| trace.is_empty());
    let trace = trace_to_wire(own.unwrap_or(&trace));
    let message = match message {
        ServiceMessage::Kernel(message) => kernel_to_wire(message),
        ServiceMessage::ReadOutput(request) => Message::ReadOutput(request_to_wire(request)),
        ServiceMessage::FeedInput { request, launch } => Message::FeedInput(v1::FeedInput {
            request_id: request,
            launch: launch_to_wire(launch),
        }),
    };
    v1::ToAgent {
        format_version: FORMAT_VERSION,
        epoch: epoch.0,
        session: session.to_string(),
        message: Some(message),
        trace,
    }
}

/// What a launch says itself, as all that former builds know of traces.
fn own_trace(message: &ServiceMessage) -> Option<&TraceContext> {
    match message {
        ServiceMessage::Kernel(ToAgent::Command(Command {
            body: CommandBody::Launch(launch),
            ..
        })) => Some(&launch.trace),
        _ => None,
    }
}

/// Reads a message.
///
/// # Errors
/// [`Error`], for the first thing that is wrong.
pub fn to_agent_from_wire(wire: v1::ToAgent) -> Result<Addressed, Error> {
    super::check_version(wire.format_version)?;
    let mut trace = trace_from_wire(wire.trace);
    let mut message = match wire.message.ok_or(Error::Absent("content"))? {
        Message::ReadOutput(request) => ServiceMessage::ReadOutput(request_from_wire(request)?),
        Message::FeedInput(feed) => ServiceMessage::FeedInput {
            request: feed.request_id,
            launch: launch_from_wire(feed.launch)?,
        },
        Message::Registered(registered) => ServiceMessage::Kernel(ToAgent::Registered {
            unreachable_after: Span(registered.unreachable_after_micros),
        }),
        Message::Resync(v1::Resync {}) => ServiceMessage::Kernel(ToAgent::Resync),
        Message::ReportAll(v1::ReportAll {}) => ServiceMessage::Kernel(ToAgent::ReportAll),
        Message::Discard(discard) => ServiceMessage::Kernel(ToAgent::Discard {
            launch: launch_from_wire(discard.launch)?,
        }),
        Message::Command(command) => {
            ServiceMessage::Kernel(ToAgent::Command(command_from_wire(command)?))
        }
        Message::Acknowledge(acknowledge) => {
            let (launch, uuid) = acknowledge_from_wire(&acknowledge)?;
            ServiceMessage::Kernel(ToAgent::Acknowledge { launch, uuid })
        }
        Message::Disconnect(disconnect) => ServiceMessage::Kernel(ToAgent::Disconnect {
            reason: disconnect.reason,
        }),
    };
    agree(&mut trace, &mut message);
    let session = SessionId::new(&wire.session).map_err(bad_id("session"))?;
    Ok(Addressed {
        epoch: Epoch(wire.epoch),
        session,
        message,
        trace,
    })
}

/// One trace for frame and launch: the frame's, or the launch's if a former build sent it.
fn agree(trace: &mut TraceContext, message: &mut ServiceMessage) {
    if let ServiceMessage::Kernel(ToAgent::Command(Command {
        body: CommandBody::Launch(launch),
        ..
    })) = message
    {
        if trace.is_empty() {
            trace.clone_from(&launch.trace);
        } else {
            launch.trace.clone_from(trace);
        }
    }
}

fn kernel_to_wire(message: ToAgent) -> Message {
    match message {
        ToAgent::Registered { unreachable_after } => Message::Registered(v1::Registered {
            unreachable_after_micros: unreachable_after.0,
        }),
        ToAgent::Resync => Message::Resync(v1::Resync {}),
        ToAgent::ReportAll => Message::ReportAll(v1::ReportAll {}),
        ToAgent::Discard { launch } => Message::Discard(v1::Discard {
            launch: launch_to_wire(launch),
        }),
        ToAgent::Command(command) => Message::Command(command_to_wire(command)),
        ToAgent::Acknowledge { launch, uuid } => {
            Message::Acknowledge(acknowledge_to_wire(launch, uuid))
        }
        ToAgent::Disconnect { reason } => Message::Disconnect(v1::Disconnect { reason }),
    }
}

fn command_to_wire(command: Command) -> v1::Command {
    let body = match command.body {
        CommandBody::Launch(launch) => Body::Launch(start_to_wire(*launch)),
        CommandBody::Kill { launch, grace } => Body::Kill(v1::Kill {
            launch: launch_to_wire(launch),
            grace_micros: grace.map(|grace| grace.0),
        }),
        CommandBody::AcknowledgeTerminal { launch, uuid } => {
            Body::AcknowledgeTerminal(acknowledge_to_wire(launch, uuid))
        }
        CommandBody::Noop => Body::Noop(v1::Noop {}),
    };
    v1::Command {
        seq: command.seq,
        agent_clock_micros: command.agent_clock.0,
        body: Some(body),
    }
}

fn command_from_wire(command: v1::Command) -> Result<Command, Error> {
    let body = match command.body.ok_or(Error::Absent("command"))? {
        Body::Launch(launch) => CommandBody::Launch(Box::new(start_from_wire(launch)?)),
        Body::Kill(kill) => CommandBody::Kill {
            launch: launch_from_wire(kill.launch)?,
            grace: kill.grace_micros.map(Span),
        },
        Body::AcknowledgeTerminal(acknowledge) => {
            let (launch, uuid) = acknowledge_from_wire(&acknowledge)?;
            CommandBody::AcknowledgeTerminal { launch, uuid }
        }
        Body::Noop(v1::Noop {}) => CommandBody::Noop,
    };
    Ok(Command {
        seq: command.seq,
        agent_clock: Time(command.agent_clock_micros),
        body,
    })
}

fn start_to_wire(launch: Launch) -> v1::Launch {
    v1::Launch {
        launch: launch_to_wire(launch.launch),
        framework: framework_to_wire(&launch.framework),
        task_id: launch.task.to_string(),
        wasm: launch.kind == TaskKind::Wasm,
        resources: launch.resources.to_string(),
        user: launch.user,
        task_info: launch.payload,
        trace: trace_to_wire(&launch.trace),
    }
}

fn start_from_wire(launch: v1::Launch) -> Result<Launch, Error> {
    Ok(Launch {
        launch: launch_from_wire(launch.launch)?,
        framework: framework_from_wire(launch.framework)?,
        task: task_from_wire(&launch.task_id)?,
        kind: if launch.wasm {
            TaskKind::Wasm
        } else {
            TaskKind::Native
        },
        resources: launch.resources.parse()?,
        user: launch.user,
        payload: launch.task_info,
        trace: trace_from_wire(launch.trace),
    })
}

fn acknowledge_to_wire(launch: LaunchId, uuid: UpdateUuid) -> v1::Acknowledge {
    v1::Acknowledge {
        launch: launch_to_wire(launch),
        uuid: uuid_to_wire(uuid),
    }
}

fn acknowledge_from_wire(wire: &v1::Acknowledge) -> Result<(LaunchId, UpdateUuid), Error> {
    Ok((launch_from_wire(wire.launch)?, uuid_from_wire(&wire.uuid)?))
}

fn request_to_wire(request: OutputRequest) -> v1::ReadOutput {
    let (offset, tail_bytes) = match request.start {
        Start::Offset(offset) => (offset, None),
        Start::Tail(bytes) => (0, Some(bytes)),
    };
    v1::ReadOutput {
        request_id: request.request,
        launch: launch_to_wire(request.launch),
        stream: request.output.as_str().to_owned(),
        offset,
        tail_bytes,
        follow: request.follow,
    }
}

fn request_from_wire(wire: v1::ReadOutput) -> Result<OutputRequest, Error> {
    Ok(OutputRequest {
        request: wire.request_id,
        launch: launch_from_wire(wire.launch)?,
        output: Output::from_name(&wire.stream).ok_or(Error::Output(wire.stream))?,
        start: wire
            .tail_bytes
            .map_or(Start::Offset(wire.offset), Start::Tail),
        follow: wire.follow,
    })
}
