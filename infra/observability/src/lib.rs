//! What operators are given beside the program: alert rules, dashboards, configurations; and whether
//! they are right.
//!
//! A rule that names a metric which does not exist never fires, and nobody notices. So the [`Table`] of
//! metrics is read from the documentation, which another test keeps equal to the code, and every
//! expression is held against it: [`faults`] finds names, labels and label values that there are not. A
//! [`Dashboard`] is the file that Grafana is given; [`rules`] reads the files of rules as far as this
//! needs; the rest is for `promtool`.
//!
//! [`Prometheus`] is the real one with the configuration of `infra/prometheus`, except for its intervals
//! and targets, private to a test. Which alerts fire for how long a fault is what `promtool test rules`
//! decides, in simulated time; here the `for` of each rule is left out, so that a test need not wait for
//! what is known already.
//!
//! Where Prometheus is not installed, [`programs`] says so, and its tests are skipped.

mod dashboard;
mod expression;
mod files;
mod prometheus;
pub mod rules;
mod table;

pub use dashboard::{Dashboard, Panel};
pub use expression::faults;
pub use files::{files_in, infra, read};
pub use prometheus::{Alert, Programs, Prometheus, programs};
pub use table::{Label, Metric, Table};
