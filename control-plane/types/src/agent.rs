//! What the kernel knows of an agent.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::Resources;

/// Whether a limit holds on a machine, and if not, why.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Enforcement {
    /// Empty if the limit is enforced, else a sentence saying why it is not.
    pub missing: Option<String>,
}

/// What an agent can do, as it says itself when it registers.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgentCapabilities {
    /// Whether it runs native tasks.
    pub native: bool,
    /// Whether it runs Wasm tasks.
    pub wasm: bool,
    /// Why it does not run Wasm tasks, if it does not.
    pub wasm_missing: Option<String>,
    /// Limits by the name of the resource (`cpus`, `mem`, `pids`): enforced or why not.
    pub limits: BTreeMap<String, Enforcement>,
}

/// What a machine is and has.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgentInfo {
    /// The machine's name, for people.
    pub hostname: String,
    /// Everything it offers.
    pub resources: Resources,
    /// Free descriptions such as `rack=a7`, in the owner's order; names may repeat.
    pub attributes: Vec<(String, String)>,
    /// What it can do.
    pub capabilities: AgentCapabilities,
    /// The agent's version.
    pub version: String,
}
