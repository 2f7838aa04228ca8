//! `insula wasm-compiler`: compiles one module and answers on standard output.

use std::path::PathBuf;
use std::process::ExitCode;

use insula_wasm_executor::compiler::{self, Options};

use crate::exit::Failure;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[arg(long, conflicts_with_all = ["module", "cache", "digest"])]
    probe: bool,
    #[arg(long, required_unless_present = "probe")]
    module: Option<PathBuf>,
    #[arg(long, required_unless_present = "probe")]
    cache: Option<PathBuf>,
    #[arg(long)]
    digest: Option<String>,
}

pub(crate) fn run(args: Args) -> Result<ExitCode, Failure> {
    let (Some(module), Some(cache)) = (args.module, args.cache) else {
        return Ok(compiler::probe());
    };
    let options = Options {
        digest: args.digest,
        ..Options::new(module, cache)
    };
    Ok(compiler::run(&options))
}
