//! What things count as. The matches are exhaustive, so that whoever adds a variant comes by here.

use insula_kernel::Input;
use insula_kernel::input::Call as Asked;
use insula_proto::mesos::v1::scheduler::call::Type;
use insula_telemetry::metrics::labels::{
    AgentMessage, Call, EndState, FrameworkEvent, InputKind, LinkMessage, PeerKind, Runs,
};
use insula_types::message::{CommandBody, FromAgent, Peer, ToAgent, ToFramework};
use insula_types::{TaskKind, TaskState};

use crate::link::wire::ToGateway;

/// An input of a kernel.
pub(crate) fn input(input: &Input) -> InputKind {
    match input {
        Input::Timer => InputKind::Timer,
        Input::Subscribe(_) => InputKind::Subscribe,
        Input::Call { call, .. } => match call {
            Asked::Accept { .. } | Asked::Decline { .. } => InputKind::Offers,
            Asked::Acknowledge { .. } => InputKind::Acknowledge,
            Asked::Teardown
            | Asked::Revive(_)
            | Asked::Suppress(_)
            | Asked::Kill { .. }
            | Asked::Reconcile(_)
            | Asked::Message { .. }
            | Asked::Request => InputKind::Call,
        },
        Input::FrameworkDisconnected { .. } => InputKind::FrameworkDisconnected,
        Input::Agent { message, .. } => match message {
            FromAgent::Register(_) => InputKind::AgentRegister,
            FromAgent::Update { .. } => InputKind::AgentUpdate,
            FromAgent::Message { .. } | FromAgent::Alive { .. } => InputKind::AgentOther,
        },
        Input::AgentDisconnected { .. } => InputKind::AgentDisconnected,
        Input::Submit { .. } => InputKind::Submit,
        Input::MarkReached { .. }
        | Input::Excused(_)
        | Input::Withdraw { .. }
        | Input::SetRole { .. }
        | Input::DiscardHeld { .. } => InputKind::Other,
    }
}

/// A call of a framework.
pub(crate) fn call(r#type: Type) -> Call {
    match r#type {
        Type::Subscribe => Call::Subscribe,
        Type::Teardown => Call::Teardown,
        Type::Accept => Call::Accept,
        Type::Decline => Call::Decline,
        Type::Revive => Call::Revive,
        Type::Suppress => Call::Suppress,
        Type::Kill => Call::Kill,
        Type::Acknowledge => Call::Acknowledge,
        Type::Reconcile => Call::Reconcile,
        Type::Message => Call::Message,
        Type::Request => Call::Request,
        _ => Call::Other,
    }
}

/// The event that a message becomes; none for what a framework does not see.
pub(crate) fn event(message: &ToFramework) -> Option<FrameworkEvent> {
    match message {
        ToFramework::Subscribed { .. } => Some(FrameworkEvent::Subscribed),
        ToFramework::Offers(_) => Some(FrameworkEvent::Offers),
        ToFramework::Rescind(_) => Some(FrameworkEvent::Rescind),
        ToFramework::Update(_) => Some(FrameworkEvent::Update),
        ToFramework::Message { .. } => Some(FrameworkEvent::Message),
        ToFramework::Failure { .. } => Some(FrameworkEvent::Failure),
        ToFramework::Error(_) => Some(FrameworkEvent::Error),
        ToFramework::Mark(_) | ToFramework::Close => None,
    }
}

/// A message of an agent.
pub(crate) fn from_agent(message: &FromAgent) -> AgentMessage {
    match message {
        FromAgent::Register(_) => AgentMessage::Register,
        FromAgent::Update { .. } => AgentMessage::Update,
        FromAgent::Message { .. } => AgentMessage::Message,
        FromAgent::Alive { .. } => AgentMessage::Alive,
    }
}

/// A message to an agent.
pub(crate) fn to_agent(message: &ToAgent) -> AgentMessage {
    match message {
        ToAgent::Registered { .. } => AgentMessage::Registered,
        ToAgent::Resync => AgentMessage::Resync,
        ToAgent::ReportAll => AgentMessage::ReportAll,
        ToAgent::Discard { .. } => AgentMessage::Discard,
        ToAgent::Command(command) => match command.body {
            CommandBody::Launch(_) => AgentMessage::Launch,
            CommandBody::Kill { .. } => AgentMessage::Kill,
            CommandBody::AcknowledgeTerminal { .. } => AgentMessage::Acknowledge,
            CommandBody::Noop => AgentMessage::Noop,
        },
        ToAgent::Acknowledge { .. } => AgentMessage::Acknowledge,
        ToAgent::Disconnect { .. } => AgentMessage::Disconnect,
    }
}

/// What goes to a gateway.
pub(crate) fn to_gateway(said: &ToGateway) -> LinkMessage {
    match said {
        ToGateway::Welcome { .. } => LinkMessage::Welcome,
        ToGateway::Serving { .. } => LinkMessage::Serving,
        ToGateway::Given { .. } => LinkMessage::Given,
        ToGateway::Message { .. } => LinkMessage::Message,
        ToGateway::Reply { .. } => LinkMessage::Reply,
        ToGateway::Unavailable { .. } => LinkMessage::Unavailable,
        ToGateway::Close { .. } => LinkMessage::Close,
        ToGateway::Applied { .. } => LinkMessage::Applied,
        ToGateway::Reset => LinkMessage::Reset,
    }
}

/// A session's peer.
pub(crate) fn peer(peer: &Peer) -> PeerKind {
    match peer {
        Peer::Framework { .. } => PeerKind::Framework,
        Peer::Agent { .. } => PeerKind::Agent,
    }
}

/// How a task runs.
pub(crate) fn runs(kind: TaskKind) -> Runs {
    match kind {
        TaskKind::Native => Runs::Native,
        TaskKind::Wasm => Runs::Wasm,
    }
}

/// How a task ended; none if it has not.
pub(crate) fn end(state: TaskState) -> Option<EndState> {
    match state {
        TaskState::Finished => Some(EndState::Finished),
        TaskState::Failed => Some(EndState::Failed),
        TaskState::Killed => Some(EndState::Killed),
        TaskState::Error => Some(EndState::Error),
        TaskState::Lost => Some(EndState::Lost),
        TaskState::Dropped => Some(EndState::Dropped),
        TaskState::Gone => Some(EndState::Gone),
        TaskState::GoneByOperator => Some(EndState::GoneByOperator),
        TaskState::Staging
        | TaskState::Starting
        | TaskState::Running
        | TaskState::Killing
        | TaskState::Unreachable
        | TaskState::Unknown => None,
    }
}
