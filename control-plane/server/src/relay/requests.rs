//! Requests that wait for their agent to answer them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use insula_proto::convert::agent::ServiceMessage;
use insula_telemetry::names::{key, span};
use insula_telemetry::{Kind, Span};
use insula_types::{AgentId, LaunchId, TraceContext};
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::oneshot;
use uuid::Uuid;

use super::{AgentConnections, AgentSender, Asking, Input, Output, Sink, Source, input, output};

/// How long an agent may take to answer. It answers at once, but for input to a launch that it has not
/// heard of yet, which it waits for for ten seconds.
const ANSWER: Duration = Duration::from_secs(30);

/// Why a request to an agent was not answered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// The agent is not connected.
    #[error("agent {0} is not connected")]
    Disconnected(AgentId),
    /// Too many requests wait for the agent already.
    #[error("agent {0} is behind with requests for output and input")]
    Busy(AgentId),
    /// The agent has said nothing.
    #[error("agent {0} did not answer")]
    Silent(AgentId),
    /// The agent's answer ended in the middle.
    #[error("the output broke off: agent {0} went away")]
    BrokenOff(AgentId),
    /// The agent has no such task or file.
    #[error("{0}")]
    NotFound(String),
    /// The agent refused.
    #[error("{0}")]
    Refused(String),
}

/// What the agent's answer to a request is joined with.
#[derive(Debug)]
pub enum Expected {
    /// Output goes here.
    Output(Sink),
    /// Input comes from here.
    Input(Source),
}

struct Waiting {
    agent: AgentId,
    connection: AgentSender,
    expected: Expected,
    answered: oneshot::Sender<Result<(), Failure>>,
}

/// See the module. As many requests wait as there are people who wait for an answer, each for half a
/// minute at most.
#[derive(Clone)]
pub struct Relay {
    agents: AgentConnections,
    waiting: Arc<Mutex<HashMap<String, Waiting>>>,
    patience: Duration,
}

impl Default for Relay {
    fn default() -> Self {
        Self {
            agents: AgentConnections::default(),
            waiting: Arc::default(),
            patience: ANSWER,
        }
    }
}

/// Forgets a request that was answered, or that nobody waits for any more.
struct Request<'a> {
    relay: &'a Relay,
    id: String,
}

impl Drop for Request<'_> {
    fn drop(&mut self) {
        self.relay.lock().remove(&self.id);
    }
}

impl Relay {
    /// The agents that are connected to this process.
    #[must_use]
    pub fn agents(&self) -> &AgentConnections {
        &self.agents
    }

    /// Asks an agent for a task's output, and waits until it begins to answer, which does not mean
    /// that there is any. `message` makes the question, given the request's id; `trace` is the context of
    /// whoever asks.
    ///
    /// # Errors
    /// Every [`Failure`] but [`Failure::BrokenOff`].
    pub async fn read(
        &self,
        agent: &AgentId,
        trace: &TraceContext,
        message: impl FnOnce(String) -> ServiceMessage,
    ) -> Result<Output, Failure> {
        let (sink, output) = output::channel(agent.clone());
        let span = Span::begin(span::SEND_READ_OUTPUT, Kind::Producer, trace);
        self.ask(agent, span, Expected::Output(sink), message)
            .await?;
        Ok(output)
    }

    /// Asks an agent to take input for a launch, and waits until it begins to.
    ///
    /// # Errors
    /// Every [`Failure`] but [`Failure::BrokenOff`].
    pub async fn feed(
        &self,
        agent: &AgentId,
        trace: &TraceContext,
        launch: LaunchId,
    ) -> Result<Input, Failure> {
        let (input, source) = input::channel();
        let message = |request| ServiceMessage::FeedInput { request, launch };
        let span = Span::begin(span::SEND_FEED_INPUT, Kind::Producer, trace);
        self.ask(agent, span, Expected::Input(source), message)
            .await?;
        Ok(input)
    }

    /// What an agent's call is to be joined with; nothing if the request is unknown, given up, or was
    /// made to another agent.
    #[must_use]
    pub fn answer(&self, agent: &AgentId, request_id: &str) -> Option<Expected> {
        let waiting = self.take(agent, request_id)?;
        // Whoever asked may have gone away; the call learns that from its other end.
        let _ = waiting.answered.send(Ok(()));
        Some(waiting.expected)
    }

    /// An agent cannot answer.
    pub fn fail(&self, agent: &AgentId, request_id: &str, failure: Failure) {
        if let Some(waiting) = self.take(agent, request_id) {
            // Whoever asked may have gone away.
            let _ = waiting.answered.send(Err(failure));
        }
    }

    /// A connection of an agent is gone: what was asked on it will not be answered. What was asked on
    /// a newer one will.
    pub fn disconnected(&self, connection: &AgentSender) {
        let gone = self
            .lock()
            .extract_if(|_, waiting| waiting.connection.same_channel(connection))
            .collect::<Vec<_>>();
        for (_, waiting) in gone {
            let failure = Failure::Disconnected(waiting.agent);
            let _ = waiting.answered.send(Err(failure));
        }
    }

    async fn ask(
        &self,
        agent: &AgentId,
        span: Span,
        expected: Expected,
        message: impl FnOnce(String) -> ServiceMessage,
    ) -> Result<(), Failure> {
        let away = || Failure::Disconnected(agent.clone());
        let connection = self.agents.get(agent).ok_or_else(away)?;
        let (answered, answer) = oneshot::channel();
        let request = Request {
            relay: self,
            id: Uuid::new_v4().to_string(),
        };
        let waiting = Waiting {
            agent: agent.clone(),
            connection: connection.clone(),
            expected,
            answered,
        };
        self.lock().insert(request.id.clone(), waiting);
        let asking = Asking {
            trace: span.context().clone(),
            message: message(request.id.clone()),
        };
        let asked = connection.try_send(asking).map_err(|error| match error {
            TrySendError::Closed(_) => away(),
            TrySendError::Full(_) => Failure::Busy(agent.clone()),
        });
        sent(span, agent, &asked);
        asked?;
        match tokio::time::timeout(self.patience, answer).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(_)) => Err(away()),
            Err(_) => Err(Failure::Silent(agent.clone())),
        }
    }

    fn take(&self, agent: &AgentId, request_id: &str) -> Option<Waiting> {
        let mut waiting = self.lock();
        if waiting.get(request_id)?.agent != *agent {
            return None;
        }
        waiting.remove(request_id)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Waiting>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Ends the span of a question: it is in the agent's queue, or could not be asked.
fn sent(span: Span, agent: &AgentId, asked: &Result<(), Failure>) {
    if !span.is_recorded() {
        return;
    }
    let mut span = span
        .with(key::MESSAGING_SYSTEM, "insula")
        .with(key::MESSAGING_OPERATION_TYPE, "send")
        .with(key::AGENT, agent.as_str().to_owned());
    if let Err(failure) = asked {
        span.fail("not_sent", &failure.to_string());
    }
}

#[cfg(test)]
mod tests;
