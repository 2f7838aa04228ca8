//! What terminates connections: the Insula API, the Mesos API and the agents.

pub mod agent;
pub mod api;
mod error;
pub mod mesos;
pub mod ready;
pub(crate) mod requests;

pub(crate) use error::chain;
pub use error::{ApiError, grpc_code, http_status};

/// The Mesos version whose wire behaviour is followed.
pub const MESOS_VERSION: &str = "1.11.0";
