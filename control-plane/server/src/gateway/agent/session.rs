//! An agent's session: what it says goes to the kernel, what the kernel says goes to it.

use std::sync::Arc;
use std::time::Duration;

use futures::Stream;
use insula_kernel::Input;
use insula_kernel::input::Cause;
use insula_proto::convert::agent::{AgentMessage, Said as Heard, from_agent_from_wire};
use insula_proto::insula::agent::v1::{FromAgent, ToAgent};
use insula_store::AgentIdentity;
use insula_telemetry::metrics::labels::{AgentMessage as Measured, Direction};
use insula_telemetry::names::{key, span};
use insula_telemetry::{Kind, Span};
use insula_types::message::{FromAgent as Said, Peer};
use insula_types::{SessionId, TraceContext};
use tokio::sync::mpsc;
use tokio::time::{MissedTickBehavior, timeout};
use tonic::{Status, Streaming};

use super::outbound;
use crate::cells::Handle;
use crate::gateway::ApiError;
use crate::metrics;
use crate::relay::{AgentSender, Failure, Line};
use crate::service::Service;

/// How often it is looked whether somebody listens to an agent that nobody listened to.
const LOOK: Duration = Duration::from_millis(200);
/// An agent says its hello with the call itself.
const HELLO: Duration = Duration::from_secs(10);

/// Reads the agent's `Hello` and begins to carry messages both ways; returns those for the agent.
///
/// # Errors
/// If the agent begins with anything else, or with nothing for too long.
pub(super) async fn begin(
    service: Arc<Service>,
    identity: AgentIdentity,
    mut messages: Streaming<FromAgent>,
) -> Result<impl Stream<Item = Result<ToAgent, Status>> + Send + use<>, Status> {
    let (session, trace) = hello(&mut messages).await?;
    let agent = &identity.agent;
    let cell = service.cells.find(&identity.cell).await;
    let cell = cell.map_err(ApiError::from)?;
    let peer = Peer::Agent {
        agent: agent.clone(),
        session: session.clone(),
    };
    let from_kernel = cell.open(peer.clone());
    let (line, sender, from_gateway) = service.relay.agents().open(agent);
    let (answers, stream) = mpsc::channel(outbound::AHEAD_MAX);
    let carrier = Carrier {
        service,
        identity,
        cell,
        peer,
        session: session.clone(),
        trace: trace.clone(),
        line,
        sender,
    };
    tokio::spawn(async move {
        let (last, cause) = tokio::select! {
            last = carrier.inbound(messages) => (last, Cause::ByPeer),
            last = outbound::run((session, trace), from_kernel, from_gateway, &answers) => {
                (last, Cause::ByPeer)
            }
            () = carrier.service.stopping.ending() => (Some(stops()), Cause::ByUs),
        };
        if let Some(status) = last {
            // A connection that is full or gone ends without it.
            let _ = answers.try_send(Err(status));
        }
        drop(answers);
        carrier.end(cause).await;
    });
    Ok(tokio_stream::wrappers::ReceiverStream::new(stream))
}

fn stops() -> Status {
    Status::unavailable("this replica of the control plane stops; connect again")
}

/// The session, and its trace: the agent's, or one of ours if a former agent says none.
async fn hello(messages: &mut Streaming<FromAgent>) -> Result<(SessionId, TraceContext), Status> {
    let begins = || Status::invalid_argument("a session begins with a hello");
    let first = timeout(HELLO, messages.message()).await;
    let first = first.map_err(|_| begins())??.ok_or_else(begins)?;
    let Heard { message, trace } = read(first)?;
    match message {
        AgentMessage::Hello { session } if trace.is_empty() => {
            Ok((session, insula_telemetry::fresh()))
        }
        AgentMessage::Hello { session } => Ok((session, trace)),
        AgentMessage::Kernel(_) | AgentMessage::RequestFailed { .. } => Err(begins()),
    }
}

fn read(message: FromAgent) -> Result<Heard, Status> {
    from_agent_from_wire(message).map_err(|error| Status::invalid_argument(error.to_string()))
}

struct Carrier {
    service: Arc<Service>,
    identity: AgentIdentity,
    cell: Handle,
    peer: Peer,
    session: SessionId,
    /// What is said in the session and is about no task belongs to it.
    trace: TraceContext,
    line: Line,
    sender: AgentSender,
}

impl Carrier {
    /// Until the agent's side ends or says something that is not understood: after that nothing it
    /// says can be trusted to be in order. Gives the words to end the session with.
    async fn inbound(&self, mut messages: Streaming<FromAgent>) -> Option<Status> {
        let agent = &self.identity.agent;
        loop {
            let message = match messages.message().await {
                Ok(message) => message?,
                Err(status) => {
                    tracing::debug!(%agent, %status, "agent's connection broke");
                    return None;
                }
            };
            let taken = match read(message) {
                Ok(said) => self.take(said).await,
                Err(status) => Err(status),
            };
            if let Err(status) = taken {
                tracing::warn!(%agent, %status, "ended the agent's session");
                return Some(status);
            }
        }
    }

    async fn take(&self, said: Heard) -> Result<(), Status> {
        match said.message {
            AgentMessage::Hello { .. } => Err(Status::invalid_argument("a session has one hello")),
            AgentMessage::Kernel(message) => {
                self.measure(metrics::from_agent(&message));
                self.check(&message)?;
                self.submit(said.trace, message).await
            }
            AgentMessage::RequestFailed {
                request,
                sentence,
                not_found,
            } => {
                self.measure(Measured::RequestFailed);
                let failure = if not_found {
                    Failure::NotFound(sentence)
                } else {
                    Failure::Refused(sentence)
                };
                let agent = &self.identity.agent;
                self.service.relay.fail(agent, &request, failure);
                Ok(())
            }
        }
    }

    fn measure(&self, kind: Measured) {
        let measures = self.cell.measures();
        measures.agent_messages.one((Direction::Received, kind));
    }

    /// A certificate and key that turn up in another work directory belong to a copy of the machine,
    /// or to one that was set back (rule R27).
    fn check(&self, message: &Said) -> Result<(), Status> {
        match message {
            Said::Register(registration) if registration.checkpoint != self.identity.checkpoint => {
                Err(Status::failed_precondition(
                    "the agent comes with another work directory than it enrolled with; enroll this machine anew",
                ))
            }
            _ => Ok(()),
        }
    }

    async fn submit(&self, trace: TraceContext, message: Said) -> Result<(), Status> {
        let trace = if trace.is_empty() {
            self.trace.clone()
        } else {
            trace
        };
        let _processing = self.processing(&message, &trace);
        let turn = self.line.speak().await;
        if turn.is_none() {
            return Err(Status::aborted(
                "a newer connection of this agent has taken over",
            ));
        }
        let input = Input::Agent {
            agent: self.identity.agent.clone(),
            session: self.session.clone(),
            message,
        };
        if self.cell.submit(&trace, input).await.is_err() {
            drop(turn);
            self.wait_for_owner().await;
        }
        Ok(())
    }

    /// The span of an update, until it is handed on to another replica. An owner in this process takes
    /// it at once, and its own span says so.
    fn processing(&self, message: &Said, trace: &TraceContext) -> Option<Span> {
        let Said::Update { status, .. } = message else {
            return None;
        };
        if !trace.is_sampled() || self.cell.here().is_some() {
            return None;
        }
        let span = Span::begin(span::RECEIVE_UPDATE, Kind::Consumer, trace)
            .with_id(key::AGENT, &self.identity.agent)
            .with(key::TASK_STATE, status.state.as_str());
        Some(span)
    }

    /// Nobody took what the agent said. Its connection stays: it is asked to register again as soon
    /// as somebody serves its cell, and says the rest again by itself. Nothing more is read of it
    /// until then.
    async fn wait_for_owner(&self) {
        // Not at once, or an owner that is there and refuses would be asked without a break.
        let mut look = tokio::time::interval(LOOK);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        look.tick().await;
        loop {
            look.tick().await;
            if self.cell.is_reached().await {
                return self.cell.resync(&self.peer);
            }
        }
    }

    async fn end(&self, cause: Cause) {
        let agent = &self.identity.agent;
        self.service.relay.agents().close(agent, &self.sender);
        self.service.relay.disconnected(&self.sender);
        let (agent, session) = (agent.clone(), self.session.clone());
        // If the driver has stopped, it knows of no sessions any more.
        let disconnected = Input::AgentDisconnected {
            agent,
            session,
            cause,
        };
        let _ = self.cell.submit(&self.trace, disconnected).await;
    }
}
