//! Requests that only another replica can answer.
//!
//! What looks at the live kernel, at events, or at an agent's connection cannot be answered from the
//! rows. Such a request is forwarded whole to the replica that can, over HTTP/2 and mutual TLS, with
//! its body and its answer streaming through; `control-plane/docs/adr/0008` says why. `routes` has
//! the table of them.
//!
//! Rules that must never break:
//! - Whom a forwarded request speaks for stands in headers that are believed from a replica's
//!   certificate only ([`Forwarded::of`]); from anybody else they mean nothing (rule R15).
//! - A request is forwarded at most [`HOPS_MAX`] times: to the cell's owner, and from there to the
//!   replica to which the agent is connected.
//! - A replica that is gone, slow or paused costs whoever asks a few seconds and a 503, never a hang
//!   (rule R16).

mod layer;
mod peer;
mod peers;
mod refuge;
pub(crate) mod routes;
mod send;
mod sending;
mod stamp;

pub use layer::{Forwarder, forward};
pub use peers::{Credentials, Peers};
pub use refuge::Refuge;
pub(crate) use stamp::Passed;
pub use stamp::{Forwarded, HOPS_MAX};
