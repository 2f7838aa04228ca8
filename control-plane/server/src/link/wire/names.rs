//! The names of the fixtures. The matches are exhaustive, so that whoever adds a variant comes by
//! here, and from here to `samples.rs`.

use insula_kernel::input::{Call, Cause, Excused};
use insula_kernel::{Input, Outcome, Rejection};
use insula_types::message::{CommandBody, FromAgent, Message, Peer, ToAgent, ToFramework};

use super::{ToGateway, ToOwner};

/// How a payload to an owner is called.
pub(super) fn to_owner(payload: &ToOwner) -> String {
    let name = match payload {
        ToOwner::Hello => "hello",
        ToOwner::Bye => "bye",
        ToOwner::Input { input, .. } => input_name(input),
    };
    format!("to-owner-{name}")
}

/// How a payload to a gateway is called.
pub(super) fn to_gateway(payload: &ToGateway) -> String {
    let name = match payload {
        ToGateway::Welcome { .. } => "welcome",
        ToGateway::Serving { .. } => "serving",
        ToGateway::Given { .. } => "given",
        ToGateway::Message { message, .. } => message_name(message),
        ToGateway::Reply { outcome, .. } => outcome_name(outcome),
        ToGateway::Unavailable { .. } => "unavailable",
        ToGateway::Close {
            peer: Peer::Agent { .. },
        } => "close-agent",
        ToGateway::Close {
            peer: Peer::Framework { .. },
        } => "close-framework",
        ToGateway::Applied { .. } => "applied",
        ToGateway::Reset => "reset",
    };
    format!("to-gateway-{name}")
}

fn input_name(input: &Input) -> &'static str {
    match input {
        Input::Timer => "timer",
        Input::Subscribe(_) => "subscribe",
        Input::Call { call, .. } => call_name(call),
        Input::FrameworkDisconnected { cause, .. } => match cause {
            Cause::ByPeer => "framework-disconnected-by-peer",
            Cause::ByUs => "framework-disconnected-by-us",
        },
        Input::Agent { message, .. } => from_agent_name(message),
        Input::AgentDisconnected { cause, .. } => match cause {
            Cause::ByPeer => "agent-disconnected-by-peer",
            Cause::ByUs => "agent-disconnected-by-us",
        },
        Input::Excused(Excused::Everyone) => "excused-everyone",
        Input::Excused(Excused::Agents(_)) => "excused-agents",
        Input::Submit { .. } => "submit",
        Input::Withdraw { .. } => "withdraw",
        Input::MarkReached { .. } => "mark-reached",
        Input::SetRole { .. } => "set-role",
        Input::DiscardHeld { .. } => "discard-held",
    }
}

fn call_name(call: &Call) -> &'static str {
    match call {
        Call::Teardown => "call-teardown",
        Call::Accept { .. } => "call-accept",
        Call::Decline { .. } => "call-decline",
        Call::Revive(_) => "call-revive",
        Call::Suppress(_) => "call-suppress",
        Call::Kill { .. } => "call-kill",
        Call::Acknowledge { .. } => "call-acknowledge",
        Call::Reconcile(_) => "call-reconcile",
        Call::Message { .. } => "call-message",
        Call::Request => "call-request",
    }
}

fn from_agent_name(message: &FromAgent) -> &'static str {
    match message {
        FromAgent::Register(registration) if registration.settled.is_some() => {
            "agent-register-by-digest"
        }
        FromAgent::Register(_) => "agent-register",
        FromAgent::Update { .. } => "agent-update",
        FromAgent::Message { .. } => "agent-message",
        FromAgent::Alive { .. } => "agent-alive",
    }
}

fn message_name(message: &Message) -> &'static str {
    match message {
        Message::ToAgent(message) => match message {
            ToAgent::Registered { .. } => "agent-registered",
            ToAgent::Resync => "agent-resync",
            ToAgent::ReportAll => "agent-report-all",
            ToAgent::Discard { .. } => "agent-discard",
            ToAgent::Command(command) => match command.body {
                CommandBody::Launch(_) => "agent-command-launch",
                CommandBody::Kill { .. } => "agent-command-kill",
                CommandBody::AcknowledgeTerminal { .. } => "agent-command-acknowledge-terminal",
                CommandBody::Noop => "agent-command-noop",
            },
            ToAgent::Acknowledge { .. } => "agent-acknowledge",
            ToAgent::Disconnect { .. } => "agent-disconnect",
        },
        Message::ToFramework(message) => match message {
            ToFramework::Subscribed { .. } => "framework-subscribed",
            ToFramework::Offers(_) => "framework-offers",
            ToFramework::Rescind(_) => "framework-rescind",
            ToFramework::Update(_) => "framework-update",
            ToFramework::Message { .. } => "framework-message",
            ToFramework::Mark(_) => "framework-mark",
            ToFramework::Failure { .. } => "framework-failure",
            ToFramework::Error(_) => "framework-error",
            ToFramework::Close => "framework-close",
        },
    }
}

fn outcome_name(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Accepted => "outcome-accepted",
        Outcome::Subscribed(_) => "outcome-subscribed",
        Outcome::Submitted(_) => "outcome-submitted",
        Outcome::Refused(rejection) => match rejection {
            Rejection::FrameworkUnknown => "refused-framework-unknown",
            Rejection::FrameworkNotSubscribed => "refused-framework-not-subscribed",
            Rejection::WrongStream { .. } => "refused-wrong-stream",
            Rejection::FrameworkRemoved => "refused-framework-removed",
            Rejection::Subscription(_) => "refused-subscription",
            Rejection::AgentSession { .. } => "refused-agent-session",
            Rejection::Flapping(_) => "refused-flapping",
            Rejection::Watermark { .. } => "refused-watermark",
            Rejection::Discard { .. } => "refused-discard",
            Rejection::ForeignCheckpoint(_) => "refused-foreign-checkpoint",
            Rejection::TaskExists(_) => "refused-task-exists",
            Rejection::TaskUnknown(_) => "refused-task-unknown",
            Rejection::TooMany { .. } => "refused-too-many",
            Rejection::Role(_) => "refused-role",
        },
    }
}
