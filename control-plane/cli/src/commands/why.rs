//! `insula why`

use crate::exit::{self, Failure};
use crate::output::Output;
use crate::program::Global;

/// Explain why a task waits, or is where it is.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Which task.
    #[arg(value_name = "TASK")]
    id: String,
}

pub(crate) async fn run(args: Args, global: &Global, output: &Output) -> Result<u8, Failure> {
    let answer = global.client()?.why(&args.id).await?;
    if output.is_json() {
        output.document(&answer)?;
        return Ok(exit::OK);
    }
    for reason in &answer.reasons {
        output.line(&reason.sentence)?;
    }
    Ok(exit::OK)
}
