//! `insula completions`

use clap_complete::Shell;

use crate::exit::{self, Failure};

/// Print a completion script for a shell.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Which shell.
    shell: Shell,
}

pub(crate) fn run(args: &Args, mut command: clap::Command) -> Result<u8, Failure> {
    let name = command.get_name().to_owned();
    clap_complete::generate(args.shell, &mut command, name, &mut std::io::stdout());
    Ok(exit::OK)
}
