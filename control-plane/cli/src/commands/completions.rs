//! `insula completions`

use clap_complete::Shell;

use crate::exit::{self, Failure};
use crate::output::Output;

/// Print a completion script for a shell.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Which shell.
    shell: Shell,
}

pub(crate) fn run(args: &Args, mut command: clap::Command, output: &Output) -> Result<u8, Failure> {
    let name = command.get_name().to_owned();
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut command, name, &mut script);
    output.raw(&script)?;
    Ok(exit::OK)
}
