//! Tasks of the built-in framework, and tasks of any framework to look at.

use std::collections::BTreeMap;

use insula_types::task::Exit;
use insula_types::why::Why;
use serde::{Deserialize, Serialize};

/// What a task runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum WhatToRun {
    /// A program and its arguments, found through `PATH` on the agent; at least one word.
    Command(Vec<String>),
    /// A line for `/bin/sh -c`.
    Shell(String),
    /// An uploaded module, by its digest `sha256:…`.
    Module {
        /// The content address.
        digest: String,
        /// Arguments after the module's name.
        #[serde(default)]
        args: Vec<String>,
    },
}

/// `POST /v1/tasks`: all tasks are taken or none.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SubmitTasks {
    /// At least one, at most 1,000.
    pub tasks: Vec<SubmitTask>,
}

/// One task to run, or `count` equal ones.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SubmitTask {
    /// What to run.
    pub run: WhatToRun,
    /// A name; the task's id is `<name>-<random>`, or made from the program's name if absent.
    #[serde(default)]
    pub name: Option<String>,
    /// How many of it.
    #[serde(default = "one")]
    pub count: u32,
    /// What each needs, for example `cpus:0.5;mem:64`; what is not named has a default
    /// (`cpus:0.1;mem:64`).
    #[serde(default)]
    pub resources: String,
    /// The environment, beside what every task gets.
    #[serde(default)]
    pub env: BTreeMap<String, String>,
    /// How often it is started again after it was lost or failed, at most 1,000 times.
    #[serde(default)]
    pub retries: u32,
    /// Wall time after which it is stopped.
    #[serde(default)]
    pub timeout_seconds: Option<f64>,
    /// Attributes that the agent must have, each with exactly this value.
    #[serde(default, rename = "where")]
    pub constraints: BTreeMap<String, String>,
    /// Whether somebody will pipe input into it; not together with `retries` or `count`.
    #[serde(default)]
    pub stdin: bool,
}

fn one() -> u32 {
    1
}

/// The ids of what was submitted, in order.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Submitted {
    /// Task ids.
    pub ids: Vec<String>,
}

/// `POST /v1/tasks/{id}/kill`.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KillTask {
    /// Seconds between the polite and the final signal; the task's own policy if absent.
    #[serde(default)]
    pub grace_seconds: Option<f64>,
}

/// Where a task stands, in one word for people and programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TaskPhase {
    /// No offer has fitted yet.
    Waiting,
    /// Sent to an agent, or running there.
    Active,
    /// Out of reach; it may come back.
    Unreachable,
    /// Over.
    Done,
}

/// A task.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Task {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// The framework's id; `insula` for the built-in one.
    pub framework: String,
    /// `native` or `wasm`.
    pub kind: String,
    /// Where it stands.
    pub phase: TaskPhase,
    /// The Mesos state; `TASK_STAGING` while it waits.
    pub state: String,
    /// The Mesos reason, if there is one.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub reason: Option<String>,
    /// The status' message; may be empty.
    #[serde(default)]
    pub message: String,
    /// How the process ended, if it did.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub exit: Option<Exit>,
    /// Where it is or was.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub agent: Option<String>,
    /// What it uses.
    pub resources: String,
    /// The role it counts against.
    pub role: String,
    /// Names the current or last start of it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub launch: Option<String>,
    /// How often it was started before this start.
    pub attempt: u32,
    /// When it passed each hop.
    pub times: Times,
    /// The trace, 32 hex digits; empty if none.
    #[serde(default)]
    pub trace_id: String,
}

/// When a task passed each hop, in microseconds since the unix epoch.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
pub struct Times {
    /// Submitted, or accepted by its framework.
    pub submitted: u64,
    /// An offer was used for it: the launch was decided.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub launched: Option<u64>,
    /// The agent reported it running.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub started: Option<u64>,
    /// The agent reported it over.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub ended: Option<u64>,
}

/// Why a task stands where it stands.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct WhyAnswer {
    /// The task's id.
    pub id: String,
    /// The most telling reason first.
    pub reasons: Vec<WhySentence>,
}

/// One reason, for people and for programs.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct WhySentence {
    /// For people.
    pub sentence: String,
    /// For programs.
    pub data: Why,
}
