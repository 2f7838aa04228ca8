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
        }
    }
}

/// A token. It is shown once; the control plane keeps only a hash of it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Token {
    /// What goes behind `--join`.
    pub token: String,
    /// Until when it is valid, microseconds since the unix epoch.
    pub expires_at: u64,
}
