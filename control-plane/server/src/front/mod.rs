//! The one port: TLS and plain text, HTTP/1 and HTTP/2, clients and agents.
//!
//! The first byte of a connection tells TLS (22, a handshake record) from plain text. Plain text is
//! served on loopback only, and there only to callers that are not web pages (see [`guard`]).
//! Whatever is known of a connection travels with each request as a [`Connection`].

mod connection;
mod conversation;
mod guard;
mod listener;
mod tls;

pub use connection::{Connection, Security};
pub use guard::guard;
pub use listener::{ListenError, bind, serve};
pub use tls::{TlsError, server_config};
