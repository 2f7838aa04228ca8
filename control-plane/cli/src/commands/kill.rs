//! `insula kill`

use insula_client::api::KillTask;

use crate::exit::{self, Failure};
use crate::output::Output;
use crate::program::Global;

/// Kill tasks, or withdraw them while they wait.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Which tasks.
    #[arg(required = true, value_name = "TASK")]
    ids: Vec<String>,
    /// Seconds between the polite signal and the final one.
    #[arg(long, value_name = "SECONDS")]
    grace: Option<f64>,
}

pub(crate) async fn run(args: Args, global: &Global, output: &Output) -> Result<u8, Failure> {
    let client = global.client()?;
    let kill = KillTask {
        grace_seconds: args.grace,
    };
    let mut code = exit::OK;
    // Each id is tried, so that one that is gone already does not save the others.
    for id in &args.ids {
        match client.kill(id, &kill).await {
            Ok(()) => output.talk(&format_args!("killing {id}")),
            Err(error) => {
                output.talk(&Failure::from(error));
                code = exit::FAILED;
            }
        }
    }
    Ok(code)
}
