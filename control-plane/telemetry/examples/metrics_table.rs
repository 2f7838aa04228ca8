//! Prints the tables of `control-plane/docs/metrics.md`.
#![allow(clippy::print_stdout)]

fn main() {
    print!("{}", insula_telemetry::metrics::markdown());
}
