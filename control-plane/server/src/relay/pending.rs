//! Requests that wait for their agent's answer, and those that are being answered.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use insula_proto::convert::agent::ServiceMessage;
use insula_types::{AgentId, LaunchId};
use tokio::sync::{mpsc, oneshot};
use uuid::Uuid;

use super::AgentConnections;

/// Chunks of at most 64 KiB that may wait between an agent's call and its reader.
const CHUNKS_MAX: usize = 16;

/// Why a request to an agent was not answered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// The agent is not connected.
    #[error("agent {0} is not connected")]
    Disconnected(AgentId),
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
    /// Chunks of output go here.
    Output(mpsc::Sender<Bytes>),
    /// Chunks of input come from here; dropping the sender tells whoever feeds that all were sent.
    Input(mpsc::Receiver<Bytes>, oneshot::Sender<()>),
}

struct Waiting {
    agent: AgentId,
    expected: Expected,
    failed: oneshot::Sender<Failure>,
}

/// See the module.
#[derive(Clone, Default)]
pub struct Relay {
    agents: AgentConnections,
    waiting: Arc<Mutex<HashMap<String, Waiting>>>,
}

/// A task's output on its way. Dropping it ends the agent's call.
#[derive(Debug)]
pub struct Output {
    chunks: mpsc::Receiver<Bytes>,
    failed: Option<oneshot::Receiver<Failure>>,
    _request: Request,
}

/// Input on its way to a task.
#[derive(Debug)]
pub struct Input {
    chunks: mpsc::Sender<Bytes>,
    failed: Option<oneshot::Receiver<Failure>>,
    taken: oneshot::Receiver<()>,
    _request: Request,
}

/// Forgets a request that nobody waits for any more.
struct Request {
    relay: Relay,
    id: String,
}

impl Relay {
    /// The agents that are connected to this process.
    #[must_use]
    pub fn agents(&self) -> &AgentConnections {
        &self.agents
    }

    /// Asks an agent for a task's output. `message` makes the question, given the request's id.
    ///
    /// # Errors
    /// [`Failure::Disconnected`].
    pub fn read(
        &self,
        agent: &AgentId,
        message: impl FnOnce(String) -> ServiceMessage,
    ) -> Result<Output, Failure> {
        let (sender, chunks) = mpsc::channel(CHUNKS_MAX);
        let (request, failed) = self.expect(agent, Expected::Output(sender));
        self.send(agent, message(request.id.clone()))?;
        Ok(Output {
            chunks,
            failed: Some(failed),
            _request: request,
        })
    }

    /// Asks an agent to take input for a launch.
    ///
    /// # Errors
    /// [`Failure::Disconnected`].
    pub fn feed(&self, agent: &AgentId, launch: LaunchId) -> Result<Input, Failure> {
        let (chunks, receiver) = mpsc::channel(CHUNKS_MAX);
        let (done, taken) = oneshot::channel();
        let (request, failed) = self.expect(agent, Expected::Input(receiver, done));
        self.send(
            agent,
            ServiceMessage::FeedInput {
                request: request.id.clone(),
                launch,
            },
        )?;
        Ok(Input {
            chunks,
            failed: Some(failed),
            taken,
            _request: request,
        })
    }

    /// What an agent's call is to be joined with; nothing if the request is unknown, given up, or was
    /// made to another agent.
    #[must_use]
    pub fn answer(&self, agent: &AgentId, request_id: &str) -> Option<Expected> {
        let mut waiting = self.lock();
        if waiting.get(request_id)?.agent != *agent {
            return None;
        }
        waiting.remove(request_id).map(|waiting| waiting.expected)
    }

    /// An agent cannot answer.
    pub fn fail(&self, agent: &AgentId, request_id: &str, failure: Failure) {
        let mut all = self.lock();
        if all
            .get(request_id)
            .is_some_and(|waiting| waiting.agent == *agent)
            && let Some(waiting) = all.remove(request_id)
        {
            // Whoever asked may have gone away.
            let _ = waiting.failed.send(failure);
        }
    }

    /// An agent's connection is gone: what it was asked will not be answered.
    pub fn disconnected(&self, agent: &AgentId) {
        let gone = {
            let mut all = self.lock();
            let ids: Vec<String> = all
                .iter()
                .filter(|(_, waiting)| waiting.agent == *agent)
                .map(|(id, _)| id.clone())
                .collect();
            ids.iter()
                .filter_map(|id| all.remove(id))
                .collect::<Vec<_>>()
        };
        for waiting in gone {
            let _ = waiting.failed.send(Failure::Disconnected(agent.clone()));
        }
    }

    fn expect(&self, agent: &AgentId, expected: Expected) -> (Request, oneshot::Receiver<Failure>) {
        let id = Uuid::new_v4().to_string();
        let (failed, failure) = oneshot::channel();
        self.lock().insert(
            id.clone(),
            Waiting {
                agent: agent.clone(),
                expected,
                failed,
            },
        );
        (
            Request {
                relay: self.clone(),
                id,
            },
            failure,
        )
    }

    fn send(&self, agent: &AgentId, message: ServiceMessage) -> Result<(), Failure> {
        if self.agents.send(agent, message) {
            return Ok(());
        }
        Err(Failure::Disconnected(agent.clone()))
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Waiting>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Request {
    fn drop(&mut self) {
        self.relay.lock().remove(&self.id);
    }
}

impl std::fmt::Debug for Request {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.id)
    }
}

impl Output {
    /// The next chunk; nothing at the end. Cancel-safe.
    ///
    /// # Errors
    /// Why the agent cannot answer; only before the first chunk.
    pub async fn next(&mut self) -> Result<Option<Bytes>, Failure> {
        let chunk = self.chunks.recv().await;
        if chunk.is_none()
            && let Some(failed) = self.failed.take()
            && let Ok(failure) = failed.await
        {
            return Err(failure);
        }
        Ok(chunk)
    }
}

impl Input {
    /// Hands over a chunk; waits while the task is behind. Whether the task still takes input.
    pub async fn send(&self, chunk: Bytes) -> bool {
        self.chunks.send(chunk).await.is_ok()
    }

    /// Says that there is no more, and waits until the agent has taken all of it.
    ///
    /// # Errors
    /// Why the agent could not take it.
    pub async fn finish(mut self) -> Result<(), Failure> {
        drop(self.chunks);
        if self.taken.await.is_ok() {
            return Ok(());
        }
        match self.failed.take() {
            Some(failed) => Err(failed.await.unwrap_or_else(|_| {
                Failure::Refused("the task ended before it had read all of its input".to_owned())
            })),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    use insula_proto::convert::agent::{Output as Stream, OutputRequest, Start};
    use insula_types::Epoch;

    const LAUNCH: LaunchId = LaunchId {
        epoch: Epoch(1),
        number: 1,
    };

    fn agent(name: &str) -> AgentId {
        AgentId::from(name)
    }

    fn stdout(request: String) -> ServiceMessage {
        ServiceMessage::ReadOutput(OutputRequest {
            request,
            launch: LAUNCH,
            output: Stream::Stdout,
            start: Start::Offset(0),
            follow: false,
        })
    }

    #[tokio::test]
    async fn an_answer_is_joined_with_its_request_and_no_other_agents() {
        let relay = Relay::default();
        let (_sender, mut requests) = relay.agents().open(&agent("a"));
        let mut output = relay.read(&agent("a"), stdout).unwrap();
        let Some(ServiceMessage::ReadOutput(OutputRequest { request, .. })) = requests.recv().await
        else {
            panic!("the agent was not asked");
        };
        assert!(relay.answer(&agent("b"), &request).is_none());
        let Some(Expected::Output(chunks)) = relay.answer(&agent("a"), &request) else {
            panic!("the request is not known");
        };
        chunks.send(Bytes::from_static(b"hello")).await.unwrap();
        drop(chunks);
        assert_eq!(output.next().await.unwrap().unwrap(), "hello");
        assert_eq!(output.next().await, Ok(None));
        assert!(
            relay.answer(&agent("a"), &request).is_none(),
            "answered once"
        );
    }

    #[tokio::test]
    async fn an_agent_that_is_away_or_goes_away_fails_the_request() {
        let relay = Relay::default();
        let away = relay.read(&agent("a"), stdout).unwrap_err();
        assert_eq!(away, Failure::Disconnected(agent("a")));
        let (_sender, _requests) = relay.agents().open(&agent("a"));
        let mut output = relay.read(&agent("a"), stdout).unwrap();
        relay.disconnected(&agent("a"));
        assert_eq!(output.next().await, Err(Failure::Disconnected(agent("a"))));
    }

    #[tokio::test]
    async fn a_request_that_was_given_up_is_forgotten() {
        let relay = Relay::default();
        let (_sender, mut requests) = relay.agents().open(&agent("a"));
        drop(relay.feed(&agent("a"), LAUNCH).unwrap());
        let Some(ServiceMessage::FeedInput { request, .. }) = requests.recv().await else {
            panic!("the agent was not asked");
        };
        assert!(relay.answer(&agent("a"), &request).is_none());
    }
}
