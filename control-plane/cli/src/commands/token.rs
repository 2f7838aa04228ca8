//! `insula token`

use insula_client::api::MakeToken;

use crate::exit::{self, Failure};
use crate::output::Output;
use crate::program::Global;

/// Make a token that lets machines join: `insula-agent --join TOKEN` on the machine does the rest.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// How many machines may join with it.
    #[arg(long, default_value_t = 1)]
    uses: u32,
    /// For how many seconds it is valid.
    #[arg(long, default_value_t = 3_600, value_name = "SECONDS")]
    valid: u64,
}

pub(crate) async fn run(args: Args, global: &Global, output: &Output) -> Result<u8, Failure> {
    let wanted = MakeToken {
        uses: args.uses,
        valid_seconds: args.valid,
    };
    let token = global.client()?.make_token(&wanted).await?;
    if output.is_json() {
        output.document(&token)?;
    } else {
        output.line(&token.token)?;
    }
    Ok(exit::OK)
}
