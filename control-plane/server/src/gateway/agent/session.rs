//! An agent's session: what it says goes to the kernel, what the kernel says goes to it.

use std::sync::Arc;

use futures::Stream;
use insula_kernel::Input;
use insula_proto::convert::agent::{AgentMessage, from_agent_from_wire};
use insula_proto::insula::agent::v1::{FromAgent, ToAgent};
use insula_types::message::Peer;
use insula_types::{AgentId, SessionId};
use tokio::sync::mpsc;
use tonic::{Status, Streaming};

use super::outbound;
use crate::gateway::ApiError;
use crate::relay::{AgentSender, Failure};
use crate::service::Service;

/// Reads the agent's `Hello` and begins to carry messages both ways; returns those for the agent.
///
/// # Errors
/// If the agent begins with anything else.
pub(super) async fn begin(
    service: Arc<Service>,
    agent: AgentId,
    mut messages: Streaming<FromAgent>,
) -> Result<impl Stream<Item = Result<ToAgent, Status>> + Send + use<>, Status> {
    let first = messages.message().await?;
    let first =
        first.ok_or_else(|| Status::invalid_argument("the session ended before its hello"))?;
    let AgentMessage::Hello { session } = read(first)? else {
        return Err(Status::invalid_argument("a session begins with a hello"));
    };
    let peer = Peer::Agent {
        agent: agent.clone(),
        session: session.clone(),
    };
    let from_kernel = service.handle.sessions().open(peer);
    let (sender, from_gateway) = service.relay.agents().open(&agent);
    let (answers, stream) = mpsc::channel(outbound::AHEAD_MAX);
    let carrier = Carrier {
        service,
        agent,
        session: session.clone(),
        sender,
    };
    tokio::spawn(async move {
        tokio::select! {
            () = carrier.inbound(messages) => {}
            () = outbound::run(session, from_kernel, from_gateway, answers) => {}
        }
        carrier.end().await;
    });
    Ok(tokio_stream::wrappers::ReceiverStream::new(stream))
}

fn read(message: FromAgent) -> Result<AgentMessage, Status> {
    from_agent_from_wire(message).map_err(|error| Status::invalid_argument(error.to_string()))
}

struct Carrier {
    service: Arc<Service>,
    agent: AgentId,
    session: SessionId,
    sender: AgentSender,
}

impl Carrier {
    /// Until the agent's side ends or says something that is not understood: after that nothing it
    /// says can be trusted to be in order.
    async fn inbound(&self, mut messages: Streaming<FromAgent>) {
        loop {
            let message = match messages.message().await {
                Ok(Some(message)) => message,
                Ok(None) => return,
                Err(status) => {
                    tracing::debug!(agent = %self.agent, %status, "agent's connection broke");
                    return;
                }
            };
            match read(message) {
                Ok(message) => {
                    if self.take(message).await.is_err() {
                        return;
                    }
                }
                Err(status) => {
                    tracing::warn!(agent = %self.agent, %status, "agent is not understood");
                    return;
                }
            }
        }
    }

    async fn take(&self, message: AgentMessage) -> Result<(), ApiError> {
        match message {
            AgentMessage::Hello { .. } => Err(ApiError::invalid("a session has one hello")),
            AgentMessage::Kernel(message) => {
                let (agent, session) = (self.agent.clone(), self.session.clone());
                Ok(self
                    .service
                    .handle
                    .submit(Input::Agent {
                        agent,
                        session,
                        message,
                    })
                    .await?)
            }
            AgentMessage::RequestFailed {
                request,
                sentence,
                not_found,
            } => {
                let failure = if not_found {
                    Failure::NotFound(sentence)
                } else {
                    Failure::Refused(sentence)
                };
                self.service.relay.fail(&self.agent, &request, failure);
                Ok(())
            }
        }
    }

    async fn end(&self) {
        self.service.relay.agents().close(&self.agent, &self.sender);
        self.service.relay.disconnected(&self.agent);
        let (agent, session) = (self.agent.clone(), self.session.clone());
        // If the driver has stopped, it knows of no sessions any more.
        let _ = self
            .service
            .handle
            .submit(Input::AgentDisconnected { agent, session })
            .await;
    }
}
