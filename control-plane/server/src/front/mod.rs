//! The one port: TLS and plain text, HTTP/1 and HTTP/2, clients and agents.
//!
//! The first byte of a connection tells TLS (22, a handshake record) from plain text. Plain text is
//! served on loopback only, and there only to callers that are not web pages (see [`guard`]).
//! A client certificate makes an agent or a replica of whoever shows it (see [`Clients`]).
//! Whatever is known of a connection travels with each request as a [`Connection`].

mod certificates;
mod clients;
mod connection;
mod conversation;
mod guard;
mod listener;
mod tls;

pub use certificates::ServerCertificate;
pub(crate) use certificates::is_used_up;
pub use clients::{Client, Clients};
pub use connection::{Connection, Security};
pub use guard::guard;
pub(crate) use listener::CONNECTIONS_MAX;
pub use listener::{Connections, ListenError, bind, serve};
pub use tls::{Tls, TlsError};
