//! Agents, frameworks and offers to look at.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// A machine.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Agent {
    /// Its id.
    pub id: String,
    /// The machine's name.
    pub hostname: String,
    /// `connected`, `disconnected` or `unreachable`.
    pub state: String,
    /// Everything it offers.
    pub total: String,
    /// What tasks use.
    pub used: String,
    /// What is offered to frameworks now.
    pub offered: String,
    /// What is neither.
    pub free: String,
    /// What its tasks use beyond its total, after it came back smaller; empty as a rule.
    #[serde(default)]
    pub excess: String,
    /// Why nothing of it is offered, or why it cannot connect; a sentence.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub held: Option<String>,
    /// Its attributes, in the owner's order.
    pub attributes: Vec<(String, String)>,
    /// Whether it runs Wasm tasks; if not, why not.
    pub wasm: bool,
    /// See `wasm`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub wasm_missing: Option<String>,
    /// Limits that are *not* enforced, by resource, each with the reason.
    pub unenforced: BTreeMap<String, String>,
    /// Tasks that hold resources there.
    pub tasks: usize,
    /// The agent's version.
    pub version: String,
    /// When it registered first, microseconds since the unix epoch.
    pub registered_at: u64,
}

/// A framework.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Framework {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// `connected`, `disconnected` or `built in`.
    pub state: String,
    /// The user its tasks run as.
    pub user: String,
    /// Its roles.
    pub roles: Vec<String>,
    /// The roles that want no offers.
    pub suppressed: Vec<String>,
    /// What its tasks use.
    pub used: String,
    /// What it is offered now.
    pub offered: String,
    /// Tasks that hold resources.
    pub tasks: usize,
    /// Requests that wait; only the built-in framework has them.
    pub waiting: usize,
    /// When it subscribed first, microseconds since the unix epoch; 0 for the built-in one.
    pub registered_at: u64,
    /// Why it gets no offers, where it gets none: sentences.
    #[serde(default)]
    pub why: Vec<String>,
}

/// Resources that a framework holds an offer for.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Offer {
    /// Its id.
    pub id: String,
    /// To whom.
    pub framework: String,
    /// In which role.
    pub role: String,
    /// Of which agent.
    pub agent: String,
    /// What.
    pub resources: String,
    /// Made when, microseconds since the unix epoch.
    pub made_at: u64,
    /// Rescinded when, unless it is used before.
    pub expires_at: u64,
}

/// `GET /v1/version`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Version {
    /// Insula's version.
    pub version: String,
    /// The Mesos version whose wire behaviour is followed.
    pub mesos: String,
    /// Version of rows and messages.
    pub format: u32,
}
