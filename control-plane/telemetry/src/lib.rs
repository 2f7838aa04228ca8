//! Logs and traces of every Insula process.
//!
//! One [`init`] per process sends `tracing` events to standard error, so that standard output stays
//! data: as text for people, or as JSON lines for machines. What is shown is chosen by a filter in
//! the notation of `tracing-subscriber`, for example `info,insula_server=debug`.
//!
//! The trace context of W3C travels in rows and messages as
//! [`insula_types::TraceContext`]; [`in_trace`] makes the span that ties a process' own events to it.
//! Export over OTLP is not here yet; the context is, so that a later exporter finds whole traces.
//!
//! A process calls [`init`] once, before it starts anything; a second call is an error and changes
//! nothing.

mod log;
mod span;

pub use log::{Format, InitError, init};
pub use span::in_trace;
