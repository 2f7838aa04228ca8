//! What this process measures, and how it is read.
//!
//! [`insula_telemetry::metrics::table`] says what there is. Things that happen are counted where they
//! happen, by the handles in [`Measures`], which travel with [`crate::partition::Sessions`] to everybody
//! who carries messages. Things that are so (depths, states, figures of kernels) are looked at by the
//! [`Collector`] when somebody reads: no scheduler does anything for metrics between two scrapes but add
//! numbers.
//!
//! `page.rs` serves `GET /metrics` to the operator. `GET /metrics/snapshot`, which Mesos' tools read, is
//! among the documents of the Mesos interface, since it shows one cell.

mod cells;
mod collector;
mod kinds;
mod left;
mod measures;
mod page;
mod partitions;
mod progress;
mod queues;
mod requests;
mod totals;

pub use collector::Collector;
pub use left::Left;
pub use measures::Measures;

pub(crate) use cells::{CellFigures, live_state};
pub(crate) use collector::look_for_export;
pub(crate) use kinds::{call, event, from_agent, input, peer, to_agent, to_gateway};
pub(crate) use page::router;
pub(crate) use progress::Progress;
pub(crate) use requests::measure;
