//! Who hears that an input was refused.

use insula_kernel::{Effect, Input, Outcome, Rejection};
use insula_types::RequestId;
use insula_types::message::{Message, Peer, ToAgent};

/// Whoever waits for the outcome of an input.
#[derive(Debug)]
pub(crate) enum Asker {
    Request(RequestId),
    Agent(Peer),
    Nobody,
}

impl Asker {
    pub(crate) fn of(input: &Input) -> Self {
        match input {
            Input::Subscribe(subscribe) => Self::Request(subscribe.request),
            Input::Call { request, .. }
            | Input::Submit { request, .. }
            | Input::Withdraw { request, .. }
            | Input::SetRole { request, .. }
            | Input::DiscardHeld { request, .. } => Self::Request(*request),
            Input::Agent { agent, session, .. } => Self::Agent(Peer::Agent {
                agent: agent.clone(),
                session: session.clone(),
            }),
            Input::Timer
            | Input::FrameworkDisconnected { .. }
            | Input::MarkReached { .. }
            | Input::AgentDisconnected { .. }
            | Input::Excused(_) => Self::Nobody,
        }
    }

    /// A refused question is answered; an agent that was refused is told why and must begin anew.
    pub(crate) fn tell(self, rejection: Rejection) -> Option<Effect> {
        match self {
            Self::Request(request) => Some(Effect::Reply(request, Outcome::Refused(rejection))),
            Self::Agent(peer) => {
                let reason = rejection.to_string();
                let message = Message::ToAgent(ToAgent::Disconnect { reason });
                Some(Effect::Send(peer, message))
            }
            Self::Nobody => None,
        }
    }
}
