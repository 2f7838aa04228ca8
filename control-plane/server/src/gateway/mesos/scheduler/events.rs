//! The kernel's messages as events.

use std::net::IpAddr;
use std::sync::Arc;

use insula_proto::convert::{offer, status};
use insula_proto::mesos::v1;
use insula_proto::mesos::v1::master_info::{Capability, capability};
use insula_proto::mesos::v1::scheduler::Event;
use insula_proto::mesos::v1::scheduler::event::{
    Error, Failure, Message, Offers, Rescind, Subscribed, Type, Update,
};
use insula_types::message::ToFramework;
use insula_types::{AgentId, ExecutorId, FrameworkId, FrameworkKey};

use crate::gateway::MESOS_VERSION;
use crate::gateway::mesos::{Master, MesosState};

/// What the events of one subscription have in common.
pub(super) struct Events {
    framework: FrameworkId,
    /// Whether the framework has the capability `RESERVATION_REFINEMENT`.
    refined: bool,
    master: Arc<Master>,
    heartbeat_seconds: f64,
}

impl Events {
    pub(super) fn new(state: &MesosState, framework: &FrameworkKey, refined: bool) -> Self {
        Self {
            framework: framework.framework.clone(),
            refined,
            master: Arc::clone(&state.master),
            heartbeat_seconds: state.heartbeat_interval.as_secs_f64(),
        }
    }

    /// The event of a message; none if the message is for the gateway alone.
    pub(super) fn of(&self, message: &ToFramework) -> Option<Event> {
        let event = match message {
            ToFramework::Subscribed { framework } => self.subscribed(framework),
            ToFramework::Offers(offers) => Event {
                offers: Some(Offers {
                    offers: offers
                        .iter()
                        .map(|offer| offer::to_wire(offer, &self.framework, self.refined))
                        .collect(),
                }),
                ..of_type(Type::Offers)
            },
            ToFramework::Rescind(offer) => Event {
                rescind: Some(Rescind {
                    offer_id: v1::OfferId {
                        value: offer.to_string(),
                    },
                }),
                ..of_type(Type::Rescind)
            },
            ToFramework::Update(update) => Event {
                update: Some(Update {
                    status: status::to_wire(update),
                }),
                ..of_type(Type::Update)
            },
            ToFramework::Message {
                agent,
                executor,
                data,
            } => Event {
                message: Some(Message {
                    agent_id: agent_id(agent),
                    executor_id: executor_id(executor),
                    data: data.clone(),
                }),
                ..of_type(Type::Message)
            },
            ToFramework::Failure {
                agent,
                executor,
                status,
            } => Event {
                failure: Some(Failure {
                    agent_id: Some(agent_id(agent)),
                    executor_id: executor.as_ref().map(executor_id),
                    status: *status,
                }),
                ..of_type(Type::Failure)
            },
            ToFramework::Error(sentence) => error(sentence.clone()),
            ToFramework::Mark(_) | ToFramework::Close => return None,
        };
        Some(event)
    }

    fn subscribed(&self, framework: &FrameworkId) -> Event {
        Event {
            subscribed: Some(Subscribed {
                framework_id: v1::FrameworkId {
                    value: framework.to_string(),
                },
                heartbeat_interval_seconds: Some(self.heartbeat_seconds),
                master_info: Some(master_info(&self.master)),
            }),
            ..of_type(Type::Subscribed)
        }
    }
}

/// The event that shows that both ends are there.
pub(super) fn heartbeat() -> Event {
    of_type(Type::Heartbeat)
}

/// The last event of a stream.
pub(super) fn error(message: String) -> Event {
    Event {
        error: Some(Error { message }),
        ..of_type(Type::Error)
    }
}

fn of_type(r#type: Type) -> Event {
    Event {
        r#type: Some(r#type.into()),
        ..Event::default()
    }
}

fn agent_id(agent: &AgentId) -> v1::AgentId {
    v1::AgentId {
        value: agent.to_string(),
    }
}

fn executor_id(executor: &ExecutorId) -> v1::ExecutorId {
    v1::ExecutorId {
        value: executor.to_string(),
    }
}

fn master_info(master: &Master) -> v1::MasterInfo {
    // The field is older than IPv6; who reads `address` has no need of it.
    let ip = match master.ip {
        IpAddr::V4(ip) => u32::from_le_bytes(ip.octets()),
        IpAddr::V6(_) => 0,
    };
    v1::MasterInfo {
        id: master.id.clone(),
        ip,
        port: master.port.into(),
        pid: Some(master.pid()),
        hostname: Some(master.hostname.clone()),
        version: Some(MESOS_VERSION.to_owned()),
        address: Some(v1::Address {
            hostname: Some(master.hostname.clone()),
            ip: Some(master.ip.to_string()),
            port: master.port.into(),
        }),
        // Agents may come back with other resources. Draining is not claimed: there is none yet.
        capabilities: vec![Capability {
            r#type: Some(capability::Type::AgentUpdate.into()),
        }],
        ..v1::MasterInfo::default()
    }
}
