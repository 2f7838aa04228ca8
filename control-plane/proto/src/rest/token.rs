//! Tokens that let machines join.

use serde::{Deserialize, Serialize};

/// `POST /v1/tokens`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MakeToken {
    /// How many machines may join with it, from 1 to 10,000.
    #[serde(default = "one")]
    pub uses: u32,
    /// For how many seconds, at most 30 days.
    #[serde(default = "hour")]
    pub valid_seconds: u64,
    /// Where those machines reach the control plane, as `host:port`; where it listens if absent.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub address: Option<String>,
}

fn one() -> u32 {
    1
}

fn hour() -> u64 {
    3_600
}

impl Default for MakeToken {
    fn default() -> Self {
        Self {
            uses: one(),
            valid_seconds: hour(),
            address: None,
        }
    }
}

/// A token. It is shown once; the control plane keeps only a hash of it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Token {
    /// What goes behind `--join`.
    pub token: String,
    /// The address in it, which agents dial.
    pub address: String,
    /// Until when it is valid, microseconds since the unix epoch.
    pub expires_at: u64,
}
