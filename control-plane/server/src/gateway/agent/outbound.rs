//! What goes to an agent, from the kernel and from gateways.

use std::time::Duration;

use insula_proto::convert::agent::{Addressed, ServiceMessage, to_agent_to_wire};
use insula_proto::insula::agent::v1::ToAgent;
use insula_telemetry::metrics::labels::{AgentMessage, Direction};
use insula_telemetry::names::span;
use insula_telemetry::{Kind, Span};
use insula_types::message::{Command, CommandBody, Message, ToAgent as Said};
use insula_types::{Epoch, SessionId, TraceContext};
use tokio::sync::mpsc;
use tonic::Status;

use crate::metrics;
use crate::partition::{Delivered, Session};
use crate::relay::Asking;

/// Messages that may wait for the connection to take them, beside those in the session's own queue.
pub(super) const AHEAD_MAX: usize = 256;
/// Messages taken from the session at once.
const TAKEN: usize = 128;

/// How long a connection may refuse to take a single message. The kernel cuts a session that is too
/// far behind (rule R12); this is how an agent that is alive but does not read is found out.
const STUCK: Duration = Duration::from_secs(30);

/// What an agent's connection takes.
pub(super) type Answers = mpsc::Sender<Result<ToAgent, Status>>;

/// Carries messages until the session is cut, over, or the connection takes no more. Gives the words
/// to end it with, if there is somebody to hear them. The session's trace is that of what belongs to no
/// other.
pub(super) async fn run(
    (session, own_trace): (SessionId, TraceContext),
    mut from_kernel: Session,
    mut from_gateway: mpsc::Receiver<Asking>,
    answers: &Answers,
) -> Option<Status> {
    let measures = from_kernel.measures().agent_messages.clone();
    let mut taken = Vec::with_capacity(TAKEN);
    let addressed = |epoch, trace: TraceContext, message| {
        to_agent_to_wire(Addressed {
            epoch,
            session: session.clone(),
            message,
            trace: if trace.is_empty() {
                own_trace.clone()
            } else {
                trace
            },
        })
    };
    loop {
        tokio::select! {
            count = from_kernel.next_many(&mut taken, TAKEN) => {
                if count == 0 {
                    return Some(Status::unavailable("the session was cut; register again"));
                }
                for (epoch, trace, said) in taken.drain(..).filter_map(for_agent) {
                    let over = matches!(said, Said::Disconnect { .. });
                    let kind = metrics::to_agent(&said);
                    measures.one((Direction::Sent, kind));
                    // Ends when the connection has the message.
                    let _sending = sending(&said, &trace);
                    let message = addressed(epoch, trace, ServiceMessage::Kernel(said));
                    if !send(answers, message).await || over {
                        return None;
                    }
                }
            }
            Some(asking) = from_gateway.recv() => {
                let Asking { trace, message } = asking;
                measures.one((Direction::Sent, AgentMessage::Request));
                if !send(answers, addressed(Epoch(0), trace, message)).await {
                    return None;
                }
            }
        }
    }
}

async fn send(answers: &Answers, message: ToAgent) -> bool {
    answers.send_timeout(Ok(message), STUCK).await.is_ok()
}

/// The span of a message about a task.
fn sending(said: &Said, trace: &TraceContext) -> Option<Span> {
    let (name, tenant) = match said {
        Said::Command(Command { body, .. }) => match body {
            CommandBody::Launch(launch) => (span::SEND_LAUNCH, Some(&launch.framework.tenant)),
            CommandBody::Kill { .. } => (span::SEND_KILL, None),
            CommandBody::AcknowledgeTerminal { .. } => (span::SEND_ACKNOWLEDGE, None),
            CommandBody::Noop => return None,
        },
        Said::Acknowledge { .. } => (span::SEND_ACKNOWLEDGE, None),
        Said::Discard { .. } => (span::SEND_DISCARD, None),
        Said::Registered { .. } | Said::Resync | Said::ReportAll | Said::Disconnect { .. } => {
            return None;
        }
    };
    let span = Span::begin(name, Kind::Producer, trace);
    Some(match tenant {
        Some(tenant) => span.of(tenant),
        None => span,
    })
}

fn for_agent(delivered: Delivered) -> Option<(Epoch, TraceContext, Said)> {
    match delivered.message {
        Message::ToAgent(said) => Some((delivered.epoch, delivered.trace, said)),
        Message::ToFramework(_) => None,
    }
}
