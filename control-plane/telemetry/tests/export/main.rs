//! Export to a real receiver of OTLP, which the test starts: what arrives, and what it costs when the
//! receiver is slow, refuses, or is not there.
//!
//! Recording is begun once per process, by variables of its environment: each test runs what it tests
//! in a process of its own, which is this test again, with its name ([`exporter`]).

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test may end by a panic, and a child tells its parent how far it is"
)]

mod bad_days;
mod exporter;
mod metrics;
mod sampling;
mod tenants;
mod whole;
