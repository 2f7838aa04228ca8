//! `insula shepherd`: keeps an agent's native tasks.

use std::process::ExitCode;

use insula_agent::shepherd::{self, Options};
use insula_telemetry::Format;

use crate::exit::Failure;

pub(crate) fn run(options: &Options) -> Result<ExitCode, Failure> {
    insula_telemetry::init("info", Format::Text).map_err(|error| Failure::from_error(&error))?;
    shepherd::run(options).map_err(|error| Failure::from_error(&error))
}
