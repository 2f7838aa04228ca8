//! Metrics of every Insula process.
//!
//! [`table`] defines them all: name, kind, unit, labels, what they say and what to do when they are bad.
//! `control-plane/docs/metrics.md` is that table for people. A process makes one [`Metrics`], takes typed
//! handles from it once, and uses those wherever something happens:
//!
//! - [`Counter`]: one addition, for the hottest places; its labels are a [`Closed`] set, so that every
//!   series is there from the start, with 0.
//! - [`Histogram`]: for what happens once for each request or batch.
//! - [`Shown`]: what is found by looking (depths, states), replaced as a whole by whoever looks before
//!   the metrics are read.
//!
//! [`Metrics::text`] is what Prometheus scrapes; the same values go out over OTLP if the standard
//! variables of OpenTelemetry name a receiver. Names that somebody else chooses become labels only
//! through [`Bounded`].

mod bounded;
mod counter;
mod definition;
mod document;
mod histogram;
mod label;
pub mod labels;
mod listener;
mod otlp;
mod process;
mod registry;
mod shown;
pub mod table;

pub use bounded::{Bounded, OTHER};
pub use counter::Counter;
pub use definition::{Definition, Kind, Process, Unit};
pub use document::markdown;
pub use histogram::{Histogram, OpenHistogram};
pub use label::{Closed, Label, Labels, Values};
pub use listener::{ListenError, serve};
pub use otlp::ExportError;
pub use process::{ProcessMetrics, size};
pub use registry::{Identity, Metrics, approximate};
pub use shown::{Grouped, Point, Shown};
