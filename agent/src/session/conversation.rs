//! One session from its hello to its end.

use insula_proto::convert::agent::{
    Addressed, AgentMessage, ServiceMessage, from_agent_to_wire, to_agent_from_wire,
};
use insula_proto::insula::agent::v1::agent_service_client::AgentServiceClient;
use insula_proto::insula::agent::v1::{FromAgent, ToAgent};
use insula_types::SessionId;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::Channel;
use uuid::Uuid;

use super::Ended;
use crate::driver::{Event, Handle};
use crate::output::Outputs;

/// Messages that wait for the connection. The driver never waits: a session that falls further
/// behind is cut and begins anew. An agent with as many tasks as a shepherd keeps (8,192) fits many
/// times, with all their updates at once.
const OUTBOUND_MAX: usize = 65_536;
/// Outputs and inputs under way at a time; each has a few pieces of 64 KiB in memory.
const REQUESTS_MAX: usize = 256;

/// The driver's end of a session. Dropping it ends the session.
#[derive(Debug)]
pub(crate) struct Outbound {
    messages: mpsc::Sender<FromAgent>,
    _open: oneshot::Sender<()>,
}

impl Outbound {
    /// Whether the session could take the message; it never waits.
    pub(crate) fn say(&self, message: AgentMessage) -> bool {
        self.messages.try_send(from_agent_to_wire(message)).is_ok()
    }
}

pub(super) async fn hold(
    client: AgentServiceClient<Channel>,
    driver: &Handle,
    outputs: &Outputs,
) -> Ended {
    let session: SessionId = Uuid::new_v4().to_string().into();
    let (messages, waiting) = mpsc::channel(OUTBOUND_MAX);
    let (open, cut) = oneshot::channel();
    let outbound = Outbound {
        messages: messages.clone(),
        _open: open,
    };
    outbound.say(AgentMessage::Hello {
        session: session.clone(),
    });
    // Registered before the call is answered: the service may want to hear both messages first.
    let connected = Event::Connected {
        session: session.clone(),
        outbound,
    };
    if driver.send(connected).await.is_err() {
        return Ended::Stopping;
    }
    let conversation = Conversation {
        client,
        driver,
        outputs,
        messages,
    };
    let ended = tokio::select! {
        ended = conversation.run(waiting) => ended,
        _ = cut => Ended::Cut,
    };
    match driver.send(Event::Disconnected { session }).await {
        Ok(()) => ended,
        Err(_) => Ended::Stopping,
    }
}

struct Conversation<'a> {
    client: AgentServiceClient<Channel>,
    driver: &'a Handle,
    outputs: &'a Outputs,
    messages: mpsc::Sender<FromAgent>,
}

impl Conversation<'_> {
    async fn run(mut self, waiting: mpsc::Receiver<FromAgent>) -> Ended {
        let mut inbound = match self.client.session(ReceiverStream::new(waiting)).await {
            Ok(response) => response.into_inner(),
            Err(status) => return Ended::Refused(Box::new(status)),
        };
        tracing::info!("the session with the control plane is open");
        // Dropped, and with it everything in it ended, when the session ends.
        let mut requests = JoinSet::new();
        loop {
            let message = tokio::select! {
                message = inbound.message() => message,
                Some(answered) = requests.join_next() => {
                    self.answer(answered.ok().flatten());
                    continue;
                }
            };
            let message = match message {
                Ok(Some(message)) => message,
                Ok(None) => return Ended::ByService,
                Err(status) => return Ended::Refused(Box::new(status)),
            };
            if let Err(ended) = self.hear(message, &mut requests).await {
                return ended;
            }
        }
    }

    async fn hear(
        &self,
        message: ToAgent,
        requests: &mut JoinSet<Option<AgentMessage>>,
    ) -> Result<(), Ended> {
        let Addressed {
            epoch,
            session,
            message,
        } = to_agent_from_wire(message)?;
        let is_busy = requests.len() >= REQUESTS_MAX;
        let (outputs, client) = (self.outputs.clone(), self.client.clone());
        match message {
            ServiceMessage::Kernel(message) => {
                let heard = Event::Heard {
                    epoch,
                    session,
                    message,
                };
                return self.driver.send(heard).await.map_err(|_| Ended::Stopping);
            }
            ServiceMessage::ReadOutput(request) if is_busy => {
                self.answer(Some(busy(request.request)));
            }
            ServiceMessage::FeedInput { request, .. } if is_busy => {
                self.answer(Some(busy(request)));
            }
            ServiceMessage::ReadOutput(request) => {
                requests.spawn(outputs.send(client, request));
            }
            ServiceMessage::FeedInput { request, launch } => {
                requests.spawn(outputs.feed(client, request, launch));
            }
        }
        Ok(())
    }

    fn answer(&self, message: Option<AgentMessage>) {
        if let Some(message) = message {
            // A session that cannot take it is about to end, and the request with it.
            let _full_or_gone = self.messages.try_send(from_agent_to_wire(message));
        }
    }
}

fn busy(request: String) -> AgentMessage {
    AgentMessage::RequestFailed {
        request,
        sentence: format!("the agent answers {REQUESTS_MAX} requests already; try again"),
        not_found: false,
    }
}
