//! The Insula API as JSON under `/v1`: what clients send and get.
//!
//! | request | body | answer |
//! |---|---|---|
//! | `POST /v1/tasks` | [`SubmitTasks`] | `201` [`Submitted`] |
//! | `GET /v1/tasks?all=&prefix=&framework=&limit=&cursor=` | | [`Page`] of [`Task`] |
//! | `GET /v1/tasks/{id}?wait=SECONDS` | | [`Task`]; with `wait`, once it is done or the time is up |
//! | `GET /v1/tasks/{id}/why` | | [`WhyAnswer`] |
//! | `GET /v1/tasks/{id}/trace?attempt=` | | [`Trace`] |
//! | `POST /v1/tasks/{id}/kill` | [`KillTask`] | `202` |
//! | `GET /v1/tasks/{id}/output/{stdout\|stderr}?offset=&tail=&follow=&attempt=` | | the bytes, chunked; with `follow`, from the task's start to its end |
//! | `PUT /v1/tasks/{id}/stdin` | the bytes, chunked | `204` once its agent's connection has all of them |
//! | `PUT /v1/modules` | the module's bytes; name in `?name=` | `201` [`Module`] |
//! | `GET /v1/modules`, `DELETE /v1/modules/{digest}` | | [`Page`] of [`Module`], `204` |
//! | `GET /v1/agents`, `/v1/frameworks`, `/v1/offers` | | [`Page`] of [`Agent`], [`Framework`], [`Offer`] |
//! | `POST /v1/agents/{id}/discard` | | `202`; the agent kills and forgets the tasks that no row knows |
//! | `POST /v1/tokens` | [`MakeToken`] | `201` [`Token`] |
//! | `GET /v1/events?follow=&tail=` | | a line of JSON per [`Event`] (`application/x-ndjson`) |
//! | `GET /v1/replicas`, `GET /v1/partitions` | | [`Page`] of [`Replica`], [`Partition`] |
//! | `GET /v1/version` | | [`Version`] |
//!
//! Every failure is an [`ErrorBody`] with the status that belongs to its code. Times are microseconds
//! since the unix epoch; amounts of resources are text such as `cpus:1;mem:128`. Unknown keys in a
//! request body are errors, so that a misspelt option is not silently ignored.
//!
//! The list of tasks has those of all the tenant's frameworks, first those that wait to be started,
//! then the others, the latest start first. A task that is started between two pages is listed twice.
//! Output that breaks off ends like a connection that breaks: only an answer that ends properly is
//! whole.

mod cluster;
mod event;
mod module;
mod replica;
mod task;
mod token;
mod trace;

use serde::{Deserialize, Serialize};

pub use cluster::{Agent, Framework, Offer, Version};
pub use event::Event;
pub use insula_types::task::Exit;
pub use module::{Module, ModuleKind};
pub use replica::{Partition, Replica};
pub use task::{
    KillTask, SubmitTask, SubmitTasks, Submitted, Task, TaskPhase, Times, WhatToRun, WhyAnswer,
    WhySentence,
};
pub use token::{MakeToken, Token};
pub use trace::{StepStatus, Trace, TraceLink, TraceNote, TraceSpan, TraceStart, TraceStep};

/// Header of a request: which cell it is about, where the caller may choose. `default` if absent.
pub const CELL_HEADER: &str = "insula-cell";

/// Header of an output's answer: which start of the task the bytes are from.
pub const LAUNCH_HEADER: &str = "insula-launch";

/// A part of a list. `next` is given to `?cursor=` to get the part after it; absent at the end.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Page<T> {
    /// The entries.
    pub items: Vec<T>,
    /// Where the list goes on.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub next: Option<String>,
}

/// A failure, as every client gets it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ErrorBody {
    /// See [`ErrorDetail`].
    pub error: ErrorDetail,
}

/// What failed, why, and what to do.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ErrorDetail {
    /// What programs may match on.
    pub code: insula_types::ErrorCode,
    /// One sentence for people.
    pub message: String,
    /// What to do about it, where that is known.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub hint: Option<String>,
}
