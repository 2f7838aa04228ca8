//! What the kernel knows of a framework.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::Span;

/// Name of the framework that each tenant has built in, and its id within the tenant.
pub const BUILT_IN: &str = "insula";

/// Optional abilities a framework declares; each is exactly the Mesos capability of that name.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is one independent bit of the interface"
)]
pub struct Capabilities {
    /// `MULTI_ROLE`: uses `roles` instead of `role`.
    pub multi_role: bool,
    /// `PARTITION_AWARE`: understands unreachable, dropped, gone and unknown.
    pub partition_aware: bool,
    /// `TASK_KILLING_STATE`: understands `TASK_KILLING`.
    pub task_killing_state: bool,
    /// `RESERVATION_REFINEMENT`: resources in offers carry no `role` field.
    pub reservation_refinement: bool,
    /// `GPU_RESOURCES`: may be offered agents with devices.
    pub gpu_resources: bool,
}

/// What a framework says about itself when it subscribes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FrameworkInfo {
    /// For people.
    pub name: String,
    /// The user its tasks run as unless they say otherwise.
    pub user: String,
    /// Roles as the framework names them, without the tenant's prefix (rule R20); sorted, distinct,
    /// at least one. `*` is the tenant itself.
    pub roles: Vec<String>,
    /// Declared abilities.
    pub capabilities: Capabilities,
    /// How long the framework may be away before its tasks are killed.
    pub failover_timeout: Span,
    /// Whether the agent recovers its tasks; always done here, kept because clients read it back.
    pub checkpoint: bool,
    /// The credential's name, empty if none.
    pub principal: String,
    /// Where it runs, for people.
    pub hostname: String,
    /// Its own page, for people.
    pub webui_url: String,
    /// The whole `FrameworkInfo` as the framework sent it, encoded; what the kernel does not read.
    pub payload: Bytes,
}
