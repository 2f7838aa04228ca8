//! Who hears that an input was refused.

use insula_kernel::{Effect, Effects, Input, Outcome, Rejection};
use insula_types::event::{Event, EventKind};
use insula_types::framework::BUILT_IN;
use insula_types::message::{Message, Peer, ToAgent};
use insula_types::{FrameworkId, FrameworkKey, RequestId, TaskId, TenantId, Time, TraceContext};

/// Whoever waits for the outcome of an input.
#[derive(Debug)]
pub(crate) enum Asker {
    /// A framework, or a person by their tenant's built-in one: watchers hear of a refusal too.
    Caller(RequestId, Box<Caller>),
    Request(RequestId),
    Agent(Peer),
    Nobody,
}

#[derive(Debug)]
pub(crate) struct Caller {
    framework: FrameworkKey,
    call: &'static str,
    task: Option<TaskId>,
    trace: TraceContext,
}

impl Caller {
    /// Who asks for something that a framework may be refused, and under which number.
    fn of(input: &Input) -> Option<(RequestId, Self)> {
        match input {
            Input::Subscribe(subscribe) => {
                let framework = subscribe.framework.as_ref().unwrap_or(&subscribe.fresh);
                let caller = Self::new(&subscribe.tenant, framework.clone(), "subscribe");
                Some((subscribe.request, caller))
            }
            Input::Call {
                request,
                framework,
                call,
                trace,
                ..
            } => {
                let caller = Self {
                    framework: framework.clone(),
                    call: call.name(),
                    task: None,
                    trace: trace.clone(),
                };
                Some((*request, caller))
            }
            Input::Submit {
                request,
                tenant,
                tasks,
            } => {
                let first = tasks.first();
                let caller = Self {
                    trace: first.map(|first| first.trace.clone()).unwrap_or_default(),
                    ..Self::new(tenant, BUILT_IN.into(), "submit")
                };
                Some((*request, caller))
            }
            Input::Withdraw {
                request,
                tenant,
                task,
                ..
            } => {
                let caller = Self {
                    task: Some(task.clone()),
                    ..Self::new(tenant, BUILT_IN.into(), "withdraw")
                };
                Some((*request, caller))
            }
            Input::Timer
            | Input::FrameworkDisconnected { .. }
            | Input::MarkReached { .. }
            | Input::Agent { .. }
            | Input::AgentDisconnected { .. }
            | Input::Excused(_)
            | Input::DiscardHeld { .. }
            | Input::SetRole { .. } => None,
        }
    }

    fn new(tenant: &TenantId, framework: FrameworkId, call: &'static str) -> Self {
        Self {
            framework: FrameworkKey {
                tenant: tenant.clone(),
                framework,
            },
            call,
            task: None,
            trace: TraceContext::default(),
        }
    }

    fn refused(self, at: Time, rejection: &Rejection) -> Event {
        Event {
            at,
            trace: self.trace,
            kind: EventKind::CallRefused {
                framework: self.framework,
                call: self.call,
                task: self.task,
                sentence: rejection.to_string(),
            },
        }
    }
}

impl Asker {
    pub(crate) fn of(input: &Input) -> Self {
        if let Some((request, caller)) = Caller::of(input) {
            return Self::Caller(request, Box::new(caller));
        }
        match input {
            Input::SetRole { request, .. } | Input::DiscardHeld { request, .. } => {
                Self::Request(*request)
            }
            Input::Agent { agent, session, .. } => Self::Agent(Peer::Agent {
                agent: agent.clone(),
                session: session.clone(),
            }),
            Input::Timer
            | Input::FrameworkDisconnected { .. }
            | Input::MarkReached { .. }
            | Input::AgentDisconnected { .. }
            | Input::Excused(_)
            | Input::Subscribe(_)
            | Input::Call { .. }
            | Input::Submit { .. }
            | Input::Withdraw { .. } => Self::Nobody,
        }
    }

    /// A refused question is answered; an agent that was refused is told why and must begin anew.
    pub(crate) fn tell(self, at: Time, rejection: Rejection) -> Effects {
        match self {
            Self::Caller(request, caller) => {
                let event = caller.refused(at, &rejection);
                let reply = Effect::Reply(request, Outcome::Refused(rejection));
                vec![reply, Effect::Publish(event)]
            }
            Self::Request(request) => {
                vec![Effect::Reply(request, Outcome::Refused(rejection))]
            }
            Self::Agent(peer) => {
                let reason = rejection.to_string();
                let message = Message::ToAgent(ToAgent::Disconnect { reason });
                vec![Effect::Send(peer, TraceContext::default(), message)]
            }
            Self::Nobody => Effects::new(),
        }
    }
}
