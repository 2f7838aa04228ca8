//! What each input and message is called in spans. The tables are exhaustive on purpose: a new variant
//! has to be named before it compiles.

use insula_kernel::input::Call;
use insula_kernel::{Input, Kernel};
use insula_types::event::EventKind;
use insula_types::framework::BUILT_IN;
use insula_types::message::{CommandBody, FromAgent, Message, ToAgent, ToFramework};
use insula_types::{FrameworkKey, TaskKey, TenantId, TraceContext};

/// The span of an input from its arrival at the owner until it was stepped.
pub(in crate::partition) fn process(input: &Input) -> &'static str {
    match input {
        Input::Timer => "process timer",
        Input::Subscribe(_) => "process subscribe",
        Input::Call { call, .. } => process_call(call),
        Input::FrameworkDisconnected { .. } => "process framework disconnected",
        Input::MarkReached { .. } => "process mark",
        Input::Agent { message, .. } => match message {
            FromAgent::Register(_) => "process register",
            FromAgent::Update { .. } => "process update",
            FromAgent::Message { .. } => "process executor message",
            FromAgent::Alive { .. } => "process heartbeat",
        },
        Input::AgentDisconnected { .. } => "process agent disconnected",
        Input::Excused(_) => "process excuse",
        Input::Submit { .. } => "process submit",
        Input::Withdraw { .. } => "process withdraw",
        Input::DiscardHeld { .. } => "process discard held",
        Input::SetRole { .. } => "process set role",
    }
}

/// The tenant that an input is about, if it is about one; of an update its kernel knows.
pub(in crate::partition) fn whose<'a>(
    input: &'a Input,
    kernel: Option<&'a Kernel>,
) -> Option<&'a TenantId> {
    match input {
        Input::Subscribe(subscribe) => Some(&subscribe.tenant),
        Input::Call { framework, .. }
        | Input::FrameworkDisconnected { framework, .. }
        | Input::MarkReached { framework, .. } => Some(&framework.tenant),
        Input::Agent { message, .. } => match message {
            FromAgent::Update { launch, .. } => kernel?.tenant_of(*launch),
            FromAgent::Message { framework, .. } => Some(&framework.tenant),
            FromAgent::Register(_) | FromAgent::Alive { .. } => None,
        },
        Input::Submit { tenant, .. } | Input::Withdraw { tenant, .. } => Some(tenant),
        Input::Timer
        | Input::AgentDisconnected { .. }
        | Input::Excused(_)
        | Input::DiscardHeld { .. }
        | Input::SetRole { .. } => None,
    }
}

/// The trace of the live task that an input wants something of; the input itself is of whoever wants it.
pub(in crate::partition) fn wanted<'a>(
    input: &Input,
    kernel: Option<&'a Kernel>,
) -> Option<&'a TraceContext> {
    match input {
        Input::Call {
            framework, call, ..
        } => match call {
            Call::Acknowledge { task, .. } | Call::Kill { task, .. } => {
                kernel?.trace_of(framework, task)
            }
            Call::Teardown
            | Call::Accept { .. }
            | Call::Decline { .. }
            | Call::Revive(_)
            | Call::Suppress(_)
            | Call::Reconcile(_)
            | Call::Message { .. }
            | Call::Request => None,
        },
        Input::Withdraw { tenant, task, .. } => {
            let framework = FrameworkKey {
                tenant: tenant.clone(),
                framework: BUILT_IN.into(),
            };
            kernel?.trace_of(&framework, task)
        }
        Input::Timer
        | Input::Subscribe(_)
        | Input::FrameworkDisconnected { .. }
        | Input::MarkReached { .. }
        | Input::Agent { .. }
        | Input::AgentDisconnected { .. }
        | Input::Excused(_)
        | Input::Submit { .. }
        | Input::DiscardHeld { .. }
        | Input::SetRole { .. } => None,
    }
}

fn process_call(call: &Call) -> &'static str {
    match call {
        Call::Teardown => "process teardown",
        Call::Accept { .. } => "process accept",
        Call::Decline { .. } => "process decline",
        Call::Revive(_) => "process revive",
        Call::Suppress(_) => "process suppress",
        Call::Kill { .. } => "process kill",
        Call::Acknowledge { .. } => "process acknowledge",
        Call::Reconcile(_) => "process reconcile",
        Call::Message { .. } => "process framework message",
        Call::Request => "process request",
    }
}

/// The spans of a message that goes by a gateway of another replica.
pub(crate) struct Hop {
    /// At the owner, on the link.
    pub(crate) relay: &'static str,
    /// At the gateway, into the session.
    pub(crate) forward: &'static str,
}

/// What a message of the kernel is called.
pub(crate) fn hop(message: &Message) -> Hop {
    let (relay, forward) = match message {
        Message::ToAgent(message) => match message {
            ToAgent::Registered { .. } => ("relay registered", "forward registered"),
            ToAgent::Resync => ("relay resync", "forward resync"),
            ToAgent::ReportAll => ("relay report all", "forward report all"),
            ToAgent::Command(command) => match command.body {
                CommandBody::Launch(_) => ("relay launch", "forward launch"),
                CommandBody::Kill { .. } => ("relay kill", "forward kill"),
                CommandBody::AcknowledgeTerminal { .. } => {
                    ("relay terminal acknowledge", "forward terminal acknowledge")
                }
                CommandBody::Noop => ("relay noop", "forward noop"),
            },
            ToAgent::Acknowledge { .. } => ("relay acknowledge", "forward acknowledge"),
            ToAgent::Discard { .. } => ("relay discard", "forward discard"),
            ToAgent::Disconnect { .. } => ("relay disconnect", "forward disconnect"),
        },
        Message::ToFramework(message) => match message {
            ToFramework::Subscribed { .. } => ("relay subscribed", "forward subscribed"),
            ToFramework::Offers(_) => ("relay offers", "forward offers"),
            ToFramework::Rescind(_) => ("relay rescind", "forward rescind"),
            ToFramework::Update(_) => ("relay update", "forward update"),
            ToFramework::Message { .. } => ("relay executor message", "forward executor message"),
            ToFramework::Mark(_) => ("relay mark", "forward mark"),
            ToFramework::Failure { .. } => ("relay failure", "forward failure"),
            ToFramework::Error(_) => ("relay error", "forward error"),
            ToFramework::Close => ("relay close", "forward close"),
        },
    };
    Hop { relay, forward }
}

/// The task that an event is about, and what happened to it; nothing if it is about no task.
pub(super) fn of_task(kind: &EventKind) -> Option<(&TaskKey, &'static str)> {
    match kind {
        EventKind::RequestSubmitted { task } => Some((task, "request submitted")),
        EventKind::RequestWithdrawn { task } => Some((task, "request withdrawn")),
        EventKind::RequestRetried { task, .. } => Some((task, "request retried")),
        EventKind::TaskAccepted { task, .. } => Some((task, "task accepted")),
        EventKind::RequestWaits { task, .. } => Some((task, "request waits")),
        EventKind::TaskUpdated { task, .. } => Some((task, "task updated")),
        EventKind::TaskAcknowledged { task, .. } => Some((task, "task acknowledged")),
        EventKind::KillAsked { task, .. } => Some((task, "kill asked")),
        EventKind::AgentRegistered { .. }
        | EventKind::AgentDisconnected { .. }
        | EventKind::AgentUnreachable { .. }
        | EventKind::FrameworkSubscribed { .. }
        | EventKind::FrameworkDisconnected { .. }
        | EventKind::FrameworkRemoved { .. }
        | EventKind::OffersMade { .. }
        | EventKind::OffersDeclined { .. }
        | EventKind::OffersRescinded { .. }
        | EventKind::CallRefused { .. }
        | EventKind::RoleChanged { .. }
        | EventKind::Alarm { .. } => None,
    }
}
