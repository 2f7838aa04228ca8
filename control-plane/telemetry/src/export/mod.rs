//! Export over OTLP.

mod otlp;
mod process;
mod queue;
mod settings;
mod tenant;

pub(crate) use otlp::{operator, tenant};
pub(crate) use process::{prepare, resource};
pub(crate) use queue::Queue;
pub(crate) use settings::{Otlp, Protocol, Signal};
pub use tenant::{TenantEndpoint, TenantEndpointError, parse_tenants};
