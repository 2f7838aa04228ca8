//! Fault tests of the whole system: real processes, a real Postgres, a real Redis, and things that
//! die, freeze, forget and lose their network.
//!
//! A [`Place`] is a directory of a test's own; everything started for it ends with it, also when the
//! test panics. In it run private services ([`Postgres`], [`Redis`]), replicas ([`Replica`]: the
//! program `insula server`) and agents ([`Agent`]: `insula agent`), put together by a [`Cluster`].
//! Whatever talks to something else does so through a [`Proxy`], which can cut, delay or swallow what
//! passes: a network of faults without privileges. One such proxy stands for the load balancer.
//!
//! A [`Framework`] speaks the Mesos v1 HTTP API in JSON, keeps a steady load of tasks going, and
//! writes down every call, event and status. Each task writes down its own start. When the run has
//! come to rest, [`history::violations`] judges it: it is a pure function of what was written down,
//! and the only place that knows what must never happen.
//!
//! A [`receiver`] takes what processes export over OTLP, as a collector would, and judges traces.
//!
//! This is a harness. Whatever the machine refuses ends the test with a sentence: functions here
//! panic instead of returning errors, except where a failure is what a test waits for.
//!
//! It never needs root, the network or another service, and waits for conditions, never for time;
//! what it needs of the machine, and whether that is there, says [`requirements`].

mod agent;
mod cluster;
mod framework;
pub mod history;
mod http;
mod network;
mod place;
mod process;
pub mod receiver;
mod replica;
pub mod requirements;
mod services;
mod submitter;
mod wait;

pub use agent::Agent;
pub use cluster::{Cluster, Settings};
pub use framework::{Framework, Load, Wanted};
pub use http::{Credential, Http, Reply};
pub use network::{Balancer, Proxy, Traffic};
pub use place::Place;
pub use process::{Process, Program, signal};
pub use replica::Replica;
pub use services::{Postgres, Redis};
pub use submitter::Submitter;
pub use wait::{DEADLINE, until, until_within};
