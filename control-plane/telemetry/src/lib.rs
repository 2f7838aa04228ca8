//! Logs, traces and metrics of every Insula process.
//!
//! **Logs.** One [`init`] per process sends `tracing` events to standard error, so that standard output
//! stays data: as text for people, or as JSON lines for machines. What is shown is chosen by a filter
//! in the notation of `tracing-subscriber`, for example `info,insula_server=debug`.
//!
//! **Traces.** The trace context of W3C travels in rows and messages as [`TraceContext`], whether
//! anything is recorded or not ([`inject`] and [`extract`] for headers). A [`Span`] is begun with the
//! context of what it is about, and passes its own on; where its times and ids are facts of a row it is
//! made afterwards, by whoever has the row. [`names`] has all names. Whether a trace is recorded is
//! decided once, at its head ([`fresh`], [`admitted`]); what fails is always recorded.
//!
//! [`start`] sends spans to where the standard variables of OpenTelemetry say, over OTLP, from a bounded
//! queue and a thread of its own: a receiver that hangs costs dropped spans, which are counted
//! ([`span_figures`]), and nothing else. A process that exports nothing keeps its last spans to be
//! looked at ([`recent_spans`]).
//!
//! [`TraceContext`]: insula_types::TraceContext

mod export;
mod log;
pub mod metrics;
pub mod names;
mod propagation;
mod recent;
mod recorder;
mod sampling;
mod span;
mod start;

pub use export::{TenantEndpoint, TenantEndpointError, parse_tenants};
pub use log::{Format, InitError, NotAFormat, init};
pub use propagation::{extract, inject};
pub use recent::{RecentSpan, recent_spans};
pub use recorder::{SpanFigures, is_recording, span_figures};
pub use sampling::{Admission, Sampler, admitted, fresh};
pub use span::{Kind, Span};
pub use start::{Guard, Settings, StartError, start};
