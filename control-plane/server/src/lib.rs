//! The control plane: what customers' agents dial, frameworks subscribe to, and people call.
//!
//! A [`ReplicaServer`] is one of several over one database and one broker; a [`Server`] is alone, over
//! a file. Either opens one port and serves three protocols on it: the Mesos v1 scheduler API
//! ([`gateway::mesos`]), the Insula API ([`gateway::api`]) and the agents' protocol
//! ([`gateway::agent`]). They work with [`cells`], wherever those are served: by the owner of a
//! partition in this process ([`partition`]: the pure kernels, the pure commit pipeline and the store,
//! driven by one thread) or, over a link, by that of another replica ([`replica`] knows which).
//!
//! ```text
//! front (one port, TLS or loopback) ─► gateways ─► cells::Handle ─┬─► partition::Handle ─► kernel ─► commit
//!              │                          ▲                       └─► link ─► broker ─► owner     │
//!              └─► forward ─► replica     └──────────── partition::Session ◄── effects ◄──────────┘
//! ```
//!
//! What must never break:
//! - a gateway stamps tenant, cell, agent and session from the connection, and believes nothing of
//!   them from a payload ([`auth`], rule R15);
//! - a reply leaves only behind the commit of everything that was stepped before it (rule R3);
//! - the scheduler never waits for a slow receiver: its session is cut (rule R12);
//! - bulk reads come from rows, the kernel answers only for what is volatile (rule R13).
//!
//! Bytes that are no messages (output, input, modules) never pass the scheduler: [`relay`] joins
//! whoever asks with the agent that answers. What needs the live kernel or an agent's connection is
//! forwarded whole to the replica that has it ([`forward`]).

pub mod admin;
pub mod auth;
pub mod authority;
pub mod cells;
pub mod config;
pub mod durations;
pub mod events;
pub mod forward;
pub mod front;
pub mod gateway;
pub mod link;
pub mod metrics;
pub mod partition;
pub mod registry;
pub mod relay;
pub mod replica;
mod server;
pub mod service;
pub mod stopping;
pub mod timeline;

pub use insula_store::Durability;
pub use server::{Options, ReplicaOptions, ReplicaServer, Server, StartError};
