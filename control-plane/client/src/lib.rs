//! A typed client of the Insula API.
//!
//! [`Client::new`] takes the address of a control plane; each method is one request of the table in
//! [`insula_proto::rest`] and returns the types of that module, which are re-exported here as
//! [`api`]. Connections are kept alive and shared between clones.
//!
//! A control plane on this machine is called over plain HTTP; [`Client::connect`] takes an [`Access`]
//! with what it needs to call one elsewhere: TLS with the authority that certifies its replicas, a
//! credential, and a cell.
//!
//! Nothing is retried here: whether a request may be repeated is for the caller to know. An [`Error`]
//! tells apart what the control plane refused (with its own sentence and code), that it could not be
//! reached, and that it did not speak the protocol.
//!
//! Output, events and standard input are streams; dropping one ends the request.

mod cluster;
mod connect;
mod error;
mod modules;
mod stream;
mod tasks;
mod transport;

pub use error::Error;
pub use insula_proto::rest as api;
pub use insula_proto::{Credential, NotACredential};
pub use stream::{ByteStream, EventStream};
pub use tasks::{Listing, OutputRange, OutputStream};
pub use transport::{Access, Client};

/// Where `insula dev` listens unless told otherwise.
pub const DEFAULT_URL: &str = "http://127.0.0.1:5050";
