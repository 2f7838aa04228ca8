//! The words of Insula as types: ids, resources, states, reasons, rows and messages.
//!
//! Every other crate speaks in these types, and nothing here does more than arithmetic and parsing:
//! no clock, no randomness, no I/O. Whatever the kernel does not decide on (a whole `TaskInfo`, for
//! example) travels as opaque [`bytes::Bytes`], so that a new field on the wire needs no change here.
//!
//! - [`ids`]: one newtype per kind of id. Framework ids, and with them task ids, are only unique
//!   within a tenant (rule R19), hence [`FrameworkKey`] and [`TaskKey`].
//! - [`resources`]: exact fixed-point quantities in thousandths; no float ever enters a decision.
//! - [`state`]: task states, reasons and sources with the names and numbers of Mesos.
//! - [`task`], [`framework`], [`agent`], [`request`]: what the kernel knows of each.
//! - [`digest`]: what an agent holds, in 32 bytes.
//! - [`message`]: what kernel, agents and frameworks say to each other.
//! - [`record`]: the rows that are the truth (rule R7).
//! - [`why`]: decisions explained as data.
//! - [`trace`]: W3C trace context, carried by every row and message (rule R31).
//!
//! Two versions of the same row or message can meet during an upgrade; [`FORMAT_VERSION`] is what a
//! reader compares before it trusts its understanding of either.

pub mod agent;
pub mod digest;
pub mod error;
pub mod event;
pub mod framework;
pub mod ids;
pub mod membership;
pub mod message;
pub mod record;
pub mod request;
pub mod resources;
pub mod state;
pub mod task;
pub mod time;
pub mod trace;
pub mod why;

pub use digest::TasksDigest;
pub use error::ErrorCode;
pub use ids::{
    AgentId, CellId, CheckpointId, Epoch, ExecutorId, FrameworkId, FrameworkKey, LaunchId, LinkId,
    OfferId, PartitionId, ReplicaId, RequestId, SessionId, TaskId, TaskKey, TenantId, UpdateUuid,
};
pub use resources::Resources;
pub use state::{Reason, Source, TaskState};
pub use task::{TaskKind, TaskStatus};
pub use time::{Span, Time};
pub use trace::TraceContext;

/// Version of the rows and messages written by this build.
///
/// A replica refuses a partition that was written by a higher version (rule R7); an agent and a
/// control plane tell each other theirs when a session opens.
pub const FORMAT_VERSION: u32 = 1;
