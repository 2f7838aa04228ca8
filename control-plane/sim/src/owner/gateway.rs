//! From the wire to the kernel's inputs: the gateway stamps who speaks, and believes nothing of it
//! from what is said (rule R15).

use insula_kernel::Input;
use insula_kernel::input::Subscribe;
use insula_types::message::FromAgent;
use insula_types::{FrameworkId, FrameworkKey, RequestId, SessionId, TraceContext};

use super::{OwnerId, Question, Session};
use crate::check::Violation;
use crate::network::{Client, ConnectionId, Side};
use crate::wire::{Question as Asked, Subscription, Wire};
use crate::world::World;

impl World {
    /// A message arrives at an owner.
    pub(crate) fn owner_hears(
        &mut self,
        id: OwnerId,
        connection: ConnectionId,
        client: Client,
        wire: Wire,
    ) -> Result<(), Violation> {
        if let Client::Machine(number) = client
            && self.is_outdated(id, connection, number)
        {
            return Ok(());
        }
        let input = match (client, wire) {
            (Client::Machine(number), Wire::Agent(session, message)) => {
                Some(self.of_agent(id, connection, number, session, message))
            }
            (Client::Framework(number), Wire::Subscribe(subscription)) => {
                Some(self.of_subscription(id, connection, number, *subscription))
            }
            (Client::Framework(_), Wire::Call { number, call }) => {
                self.of_call(id, connection, number, *call)
            }
            (Client::Submitter(person), Wire::Ask { number, question }) => {
                Some(self.of_question(id, connection, person, number, question))
            }
            _ => None,
        };
        match input {
            Some(input) => self.owner_input(id, input),
            None => Ok(()),
        }
    }

    /// Of an agent's connections the newest counts, even after its end: what still comes on an older
    /// one was said before the agent gave it up, and would set the kernel back to it (rule R27).
    fn is_outdated(&mut self, id: OwnerId, connection: ConnectionId, machine: usize) -> bool {
        let Some(owner) = self.owners.get_mut(&id) else {
            return true;
        };
        let latest = owner.peers.latest.entry(machine).or_insert(connection);
        *latest = connection.max(*latest);
        connection < *latest
    }

    fn of_agent(
        &mut self,
        id: OwnerId,
        connection: ConnectionId,
        number: usize,
        session: SessionId,
        message: FromAgent,
    ) -> Input {
        if let Some(owner) = self.owners.get_mut(&id) {
            let peers = &mut owner.peers;
            peers.agents.insert(session.clone(), connection);
            peers
                .sessions
                .insert(connection, Session::Agent(session.clone()));
        }
        Input::Agent {
            agent: self.machines[number].id.clone(),
            session,
            message,
        }
    }

    fn of_subscription(
        &mut self,
        id: OwnerId,
        connection: ConnectionId,
        number: usize,
        subscription: Subscription,
    ) -> Input {
        let fresh = FrameworkId::from(format!("fw-{:016x}", self.ctx.rng.next()));
        let session = SessionId::from(format!("stream-{}-{}", id.0, connection.0));
        let tenant = self.frameworks[number].tenant.clone();
        let key = FrameworkKey {
            tenant: tenant.clone(),
            framework: subscription.framework.clone().unwrap_or(fresh.clone()),
        };
        let request = self.ask(id, connection, 0);
        if let Some(owner) = self.owners.get_mut(&id) {
            let peers = &mut owner.peers;
            peers.frameworks.insert(session.clone(), connection);
            peers
                .sessions
                .insert(connection, Session::Framework(key, session.clone()));
        }
        Input::Subscribe(Box::new(Subscribe {
            request,
            tenant,
            framework: subscription.framework,
            fresh,
            session,
            info: subscription.info,
            suppressed: subscription.suppressed,
        }))
    }

    fn of_call(
        &mut self,
        id: OwnerId,
        connection: ConnectionId,
        number: u64,
        call: insula_kernel::input::Call,
    ) -> Option<Input> {
        let session = self.owners.get(&id)?.peers.sessions.get(&connection)?;
        let Session::Framework(framework, session) = session.clone() else {
            return None;
        };
        Some(Input::Call {
            request: self.ask(id, connection, number),
            framework,
            session,
            call,
            trace: TraceContext::default(),
        })
    }

    fn of_question(
        &mut self,
        id: OwnerId,
        connection: ConnectionId,
        person: usize,
        number: u64,
        question: Asked,
    ) -> Input {
        let request = self.ask(id, connection, number);
        let tenant = self.submitters[person].tenant.clone();
        match question {
            Asked::Submit(tasks) => Input::Submit {
                request,
                tenant,
                tasks,
            },
            Asked::Withdraw(task, grace) => Input::Withdraw {
                request,
                tenant,
                task,
                grace,
            },
            Asked::SetRole(role, weight, limit) => Input::SetRole {
                request,
                role,
                weight,
                limit,
            },
        }
    }

    fn ask(&mut self, id: OwnerId, connection: ConnectionId, number: u64) -> RequestId {
        self.request_count += 1;
        let request = RequestId(self.request_count);
        if let Some(owner) = self.owners.get_mut(&id) {
            let question = Question {
                connection,
                number,
                step: None,
            };
            owner.peers.questions.insert(request, question);
        }
        request
    }

    /// The owner's end of a connection is over: its session is, too.
    pub(crate) fn owner_is_cut(
        &mut self,
        id: OwnerId,
        connection: ConnectionId,
        client: Client,
    ) -> Result<(), Violation> {
        let Some(owner) = self.owners.get_mut(&id) else {
            return Ok(());
        };
        let Some(session) = owner.peers.sessions.remove(&connection) else {
            return Ok(());
        };
        let input = match (session, client) {
            (Session::Agent(session), Client::Machine(number)) => {
                owner.peers.agents.remove(&session);
                Input::AgentDisconnected {
                    agent: self.machines[number].id.clone(),
                    session,
                }
            }
            (Session::Framework(framework, session), _) => {
                owner.peers.frameworks.remove(&session);
                Input::FrameworkDisconnected { framework, session }
            }
            (Session::Agent(_), _) => return Ok(()),
        };
        self.owner_input(id, input)
    }

    /// The owner ends a connection, after what it has sent.
    pub(crate) fn owner_hangs_up(
        &mut self,
        id: OwnerId,
        connection: ConnectionId,
    ) -> Result<(), Violation> {
        let Some(client) = self.network.get(connection).map(|found| found.client) else {
            return Ok(());
        };
        self.network.close(&mut self.ctx, connection, Side::Owner);
        self.network.closed(connection, Side::Owner);
        self.owner_is_cut(id, connection, client)
    }
}
