//! Every request of every interface, from its arrival to the head of its answer.
//!
//! [`observe`] goes around all routes: it makes the request's span, gives handlers the [`Arrival`] that
//! says where the request stands in traces, and writes the one log line about a request that failed.
//! Handlers note on the arrival what only they know: for whom, about which framework, which tasks.
//! Why a request was refused travels with its answer inside the process ([`Refused`]), and the cause of
//! a failure of ours goes to the log from there, never to the client.

mod admitted;
mod arrival;
mod damper;
mod observed;
mod observer;
mod refused;
mod route;

pub(crate) use admitted::Admitted;
pub(crate) use arrival::Arrival;
pub(crate) use observer::{OPEN_MAX, Observer, observe};
pub(crate) use refused::Refused;
pub(crate) use route::{Route, method_name};
