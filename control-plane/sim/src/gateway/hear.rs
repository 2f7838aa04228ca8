//! From the wire to the kernel's inputs: the gateway stamps who speaks, and believes nothing of it
//! from what is said (rule R15).

use insula_kernel::Input;
use insula_kernel::input::{Call, Cause, Subscribe};
use insula_types::message::{FromAgent, Peer};
use insula_types::{CellId, FrameworkId, FrameworkKey, SessionId, TraceContext};

use super::Connection;
use crate::check::Violation;
use crate::network::{Client, ConnectionId};
use crate::replica::ReplicaNo;
use crate::wire::{Question as Asked, Subscription, Wire};
use crate::world::World;

impl World {
    /// A message of a client arrives at a gateway.
    pub(crate) fn gateway_hears(
        &mut self,
        no: ReplicaNo,
        connection: ConnectionId,
        client: Client,
        wire: Wire,
    ) -> Result<(), Violation> {
        let cell = self.cell_of(client).clone();
        self.accept_connection(no, connection, client, &cell);
        match (client, wire) {
            (Client::Machine(number), Wire::Agent(session, message)) => {
                self.hear_agent(no, connection, number, session, message)
            }
            (Client::Framework(number), Wire::Subscribe(subscription)) => {
                self.hear_subscription(no, connection, number, *subscription)
            }
            (Client::Framework(_), Wire::Call { number, call }) => {
                self.hear_call(no, connection, number, *call)
            }
            (Client::Submitter(person), Wire::Ask { number, question }) => {
                self.hear_person(no, connection, person, number, question)
            }
            _ => Ok(()),
        }
    }

    fn accept_connection(
        &mut self,
        no: ReplicaNo,
        connection: ConnectionId,
        client: Client,
        cell: &CellId,
    ) {
        let Some(partition) = self.cells.get(cell).copied() else {
            return;
        };
        let Some(gateway) = self.gateway(no) else {
            return;
        };
        let new = Connection {
            client,
            cell: cell.clone(),
            partition,
            peer: None,
            must_register: true,
        };
        gateway.connections.entry(connection).or_insert(new);
    }

    fn hear_agent(
        &mut self,
        no: ReplicaNo,
        connection: ConnectionId,
        number: usize,
        session: SessionId,
        message: FromAgent,
    ) -> Result<(), Violation> {
        let agent = self.machines[number].id.clone();
        let cell = self.machines[number].cell.clone();
        let peer = Peer::Agent {
            agent: agent.clone(),
            session: session.clone(),
        };
        let Some(gateway) = self.gateway(no) else {
            return Ok(());
        };
        // Of an agent's connections the newest counts, even after its end: what still comes on an
        // older one was said before the agent gave it up (rule R27).
        let latest = gateway.latest.entry(number).or_insert(connection);
        *latest = connection.max(*latest);
        if connection < *latest {
            return Ok(());
        }
        gateway.sessions.insert(peer.clone(), connection);
        let Some(found) = gateway.connections.get_mut(&connection) else {
            return Ok(());
        };
        found.peer = Some(peer);
        let registers = matches!(message, FromAgent::Register(_));
        if found.must_register && !registers {
            return Ok(());
        }
        found.must_register = false;
        let input = Input::Agent {
            agent,
            session,
            message,
        };
        let sent = self.submit(no, &cell, input)?;
        let connection = self
            .gateway(no)
            .and_then(|gateway| gateway.connections.get_mut(&connection));
        if let Some(found) = connection.filter(|_| !sent) {
            found.must_register = true;
        }
        Ok(())
    }

    fn hear_subscription(
        &mut self,
        no: ReplicaNo,
        connection: ConnectionId,
        number: usize,
        subscription: Subscription,
    ) -> Result<(), Violation> {
        let fresh = FrameworkId::from(format!("fw-{:016x}", self.ctx.rng.next()));
        let session = SessionId::from(format!("stream-{}-{}", no.0, connection.0));
        let tenant = self.frameworks[number].tenant.clone();
        let cell = self.frameworks[number].cell.clone();
        let framework = subscription.framework.clone();
        let key = FrameworkKey {
            tenant: tenant.clone(),
            framework: framework.clone().unwrap_or_else(|| fresh.clone()),
        };
        let peer = Peer::Framework {
            framework: key,
            session: session.clone(),
        };
        if let Some(gateway) = self.gateway(no) {
            gateway.sessions.insert(peer.clone(), connection);
            if let Some(found) = gateway.connections.get_mut(&connection) {
                found.peer = Some(peer);
            }
        }
        let request = self.expect(no, connection, 0, &cell);
        let subscribe = Subscribe {
            request,
            tenant,
            framework,
            fresh,
            session,
            info: subscription.info,
            suppressed: subscription.suppressed,
        };
        self.submit_or_drop(no, connection, &cell, Input::Subscribe(Box::new(subscribe)))
    }

    fn hear_call(
        &mut self,
        no: ReplicaNo,
        connection: ConnectionId,
        number: u64,
        call: Call,
    ) -> Result<(), Violation> {
        let found = self
            .gateway(no)
            .and_then(|gateway| gateway.connections.get(&connection));
        let Some((cell, Some(Peer::Framework { framework, session }))) =
            found.map(|found| (found.cell.clone(), found.peer.clone()))
        else {
            return Ok(());
        };
        let input = Input::Call {
            request: self.expect(no, connection, number, &cell),
            framework,
            session,
            call,
            trace: TraceContext::default(),
        };
        self.submit_or_drop(no, connection, &cell, input)
    }

    fn hear_person(
        &mut self,
        no: ReplicaNo,
        connection: ConnectionId,
        person: usize,
        number: u64,
        question: Asked,
    ) -> Result<(), Violation> {
        let cell = self.submitters[person].cell.clone();
        let request = self.expect(no, connection, number, &cell);
        let tenant = self.submitters[person].tenant.clone();
        let input = match question {
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
        };
        self.keep_question(no, request, &input);
        self.submit_or_drop(no, connection, &cell, input)
    }

    /// Nobody serves the cell: the client is sent away, to come back.
    fn submit_or_drop(
        &mut self,
        no: ReplicaNo,
        connection: ConnectionId,
        cell: &CellId,
        input: Input,
    ) -> Result<(), Violation> {
        if !self.submit(no, cell, input)? {
            self.gateway_drops(no, connection);
        }
        Ok(())
    }

    /// The client's end of a connection is over: its session is, too.
    pub(crate) fn gateway_is_cut(
        &mut self,
        no: ReplicaNo,
        connection: ConnectionId,
    ) -> Result<(), Violation> {
        let Some(gateway) = self.gateway(no) else {
            return Ok(());
        };
        let Some(found) = gateway.forget(connection) else {
            return Ok(());
        };
        // Without a path the owner has ended the session, or will.
        if !gateway.paths.contains_key(&found.partition) {
            return Ok(());
        }
        let cause = Cause::ByPeer;
        let input = match (found.peer, found.client) {
            (Some(Peer::Agent { agent, session }), Client::Machine(_)) => {
                Input::AgentDisconnected {
                    agent,
                    session,
                    cause,
                }
            }
            (Some(Peer::Framework { framework, session }), _) => Input::FrameworkDisconnected {
                framework,
                session,
                cause,
            },
            _ => return Ok(()),
        };
        self.submit(no, &found.cell, input)?;
        Ok(())
    }
}
