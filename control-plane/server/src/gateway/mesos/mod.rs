//! The Mesos v1 HTTP interface: what frameworks and tools that were written for a Mesos master meet.
//!
//! The gateway terminates connections and translates; it decides nothing. A call becomes one input
//! of the kernel, and its answer is sent when the kernel's outcome was released (rule R16). A
//! subscription becomes a session whose messages are written as events, one record per chunk, until
//! either side ends it.
//!
//! - `routes`: which path is which endpoint; prefixes and 404 as in Mesos.
//! - `scheduler`: `POST /api/v1/scheduler`: the order of checks, calls in, events out.
//! - `read`: `/state`, `/tasks` and the other documents that tools poll, from the rows (rule R13).
//! - `refusal`: every answer that is not a success: its status and its sentence.
//!
//! Promises: whatever Mesos answers is answered with its status and its sentence, since clients
//! compare them; what is not supported is refused by name and nothing of it is applied. The tenant
//! comes from the credential, never from a body (rule R15), and whom a framework id of another tenant
//! belongs to cannot be told from one that nobody has.
//!
//! `control-plane/docs/mesos-conformance.md` lists every call, event and endpoint with what is the
//! same as in Mesos, what differs and why.

mod body;
mod headers;
mod read;
mod refusal;
mod routes;
mod scheduler;
mod state;

pub(crate) use routes::route;
pub use routes::router;
pub use state::{HEARTBEAT_INTERVAL, Master, MesosState};
