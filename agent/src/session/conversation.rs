//! One session from its hello to its end.

use std::time::SystemTime;

use futures::StreamExt as _;
use insula_proto::convert::agent::{
    Addressed, AgentMessage, Said, ServiceMessage, from_agent_to_wire, to_agent_from_wire,
};
use insula_proto::insula::agent::v1::agent_service_client::AgentServiceClient;
use insula_proto::insula::agent::v1::{FromAgent, ToAgent};
use insula_telemetry::Span;
use insula_telemetry::metrics::labels::Answered;
use insula_telemetry::names::key;
use insula_types::message::ToAgent as ToCore;
use insula_types::{SessionId, TraceContext};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::Channel;
use uuid::Uuid;

use super::{Ended, Sessions, traced};
use crate::driver::{Event, Handle};
use crate::error::sentence;
use crate::figures::Figures;
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
    messages: mpsc::Sender<Outgoing>,
    trace: TraceContext,
    _open: oneshot::Sender<()>,
}

/// A message, and the span that ends when the connection takes it.
#[derive(Debug)]
struct Outgoing {
    frame: FromAgent,
    _span: Option<Span>,
}

impl Outbound {
    /// Whether the session could take the message; it never waits. What is about no task, or about one
    /// without a trace, belongs to the session's. The span ends when the connection has the message.
    pub(crate) fn say(&self, said: Said, span: Option<Span>) -> bool {
        let trace = Some(said.trace).filter(|trace| !trace.is_empty());
        let said = Said {
            trace: trace.unwrap_or_else(|| self.trace.clone()),
            ..said
        };
        let outgoing = Outgoing {
            frame: from_agent_to_wire(said),
            _span: span,
        };
        self.messages.try_send(outgoing).is_ok()
    }

    /// The session's trace.
    pub(crate) const fn trace(&self) -> &TraceContext {
        &self.trace
    }

    /// Messages that wait for the connection, and how many may.
    pub(crate) fn depth(&self) -> (usize, usize) {
        let max = self.messages.max_capacity();
        (max - self.messages.capacity(), max)
    }
}

pub(super) async fn hold(
    client: AgentServiceClient<Channel>,
    mut span: Span,
    sessions: &Sessions,
) -> Ended {
    let Sessions {
        driver,
        outputs,
        figures,
        ..
    } = sessions;
    let session: SessionId = Uuid::new_v4().to_string().into();
    let (messages, waiting) = mpsc::channel(OUTBOUND_MAX);
    let (open, cut) = oneshot::channel();
    let trace = span.context().clone();
    span.set(key::SESSION, session.to_string());
    let outbound = Outbound {
        messages: messages.clone(),
        trace: trace.clone(),
        _open: open,
    };
    let hello = AgentMessage::Hello {
        session: session.clone(),
    };
    outbound.say(
        Said {
            message: hello,
            trace: trace.clone(),
        },
        None,
    );
    // Registered before the call is answered: the service may want to hear both messages first.
    let connected = Event::Connected {
        session: session.clone(),
        outbound,
    };
    if driver.send(connected).await.is_err() {
        return Ended::Stopping;
    }
    let mut conversation = Conversation {
        client,
        driver,
        outputs,
        messages,
        trace,
        unregistered: Some(span),
        figures,
    };
    let ended = tokio::select! {
        ended = conversation.run(waiting) => ended,
        _ = cut => Ended::Cut,
    };
    conversation.close(&ended);
    match driver.send(Event::Disconnected { session }).await {
        Ok(()) => ended,
        Err(_) => Ended::Stopping,
    }
}

struct Conversation<'a> {
    client: AgentServiceClient<Channel>,
    driver: &'a Handle,
    outputs: &'a Outputs,
    messages: mpsc::Sender<Outgoing>,
    /// The session's.
    trace: TraceContext,
    /// The session's span, which tells how it began: it ends when the agent is registered, or will
    /// never be.
    unregistered: Option<Span>,
    figures: &'a Figures,
}

impl Conversation<'_> {
    async fn run(&mut self, waiting: mpsc::Receiver<Outgoing>) -> Ended {
        let frames = ReceiverStream::new(waiting).map(|outgoing| outgoing.frame);
        let call = traced(frames, &self.trace);
        let mut inbound = match self.client.session(call).await {
            Ok(response) => response.into_inner(),
            Err(status) => return Ended::Refused(Box::new(status)),
        };
        let trace_id = self.trace.trace_id_text();
        tracing::info!(trace_id, "the session with the control plane is open");
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
        &mut self,
        message: ToAgent,
        requests: &mut JoinSet<Option<Said>>,
    ) -> Result<(), Ended> {
        let arrived = SystemTime::now();
        let Addressed {
            epoch,
            session,
            message,
            trace,
        } = to_agent_from_wire(message)?;
        let is_busy = requests.len() >= REQUESTS_MAX;
        let (outputs, client) = (self.outputs.clone(), self.client.clone());
        match message {
            ServiceMessage::Kernel(message) => {
                if matches!(message, ToCore::Registered { .. }) && self.unregistered.is_some() {
                    self.unregistered = None;
                    self.figures.session(Answered::Ok);
                }
                let heard = Event::Heard {
                    epoch,
                    session,
                    message,
                    trace,
                    arrived,
                };
                return self.driver.send(heard).await.map_err(|_| Ended::Stopping);
            }
            ServiceMessage::ReadOutput(request) if is_busy => {
                self.answer(Some(busy(request.request, trace)));
            }
            ServiceMessage::FeedInput { request, .. } if is_busy => {
                self.answer(Some(busy(request, trace)));
            }
            ServiceMessage::ReadOutput(request) => {
                requests.spawn(outputs.send(client, request, self.or_own(trace)));
            }
            ServiceMessage::FeedInput { request, launch } => {
                requests.spawn(outputs.feed(client, request, launch, self.or_own(trace)));
            }
        }
        Ok(())
    }

    fn answer(&self, said: Option<Said>) {
        if let Some(said) = said {
            let trace = self.or_own(said.trace);
            let outgoing = Outgoing {
                frame: from_agent_to_wire(Said { trace, ..said }),
                _span: None,
            };
            // A session that cannot take it is about to end, and the request with it.
            let _full_or_gone = self.messages.try_send(outgoing);
        }
    }

    /// A former control plane says nothing of the traces of its requests.
    fn or_own(&self, trace: TraceContext) -> TraceContext {
        if trace.is_empty() {
            self.trace.clone()
        } else {
            trace
        }
    }

    /// The session has ended. One that was never registered has failed.
    fn close(self, ended: &Ended) {
        let Some(mut span) = self.unregistered else {
            return;
        };
        match ended {
            Ended::Stopping => span.forget(),
            _ => {
                span.fail("session", &sentence(ended));
                self.figures.session(Answered::Failed);
            }
        }
    }
}

fn busy(request: String, trace: TraceContext) -> Said {
    let message = AgentMessage::RequestFailed {
        request,
        sentence: format!("the agent answers {REQUESTS_MAX} requests already; try again"),
        not_found: false,
    };
    Said { message, trace }
}
