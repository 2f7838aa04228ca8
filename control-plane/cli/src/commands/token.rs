//! `insula token`

use std::net::SocketAddr;

use insula_client::api::MakeToken;

use crate::exit::{self, Failure};
use crate::output::Output;
use crate::program::Global;

/// Make a token that lets machines join.
///
/// `insula-agent --join TOKEN` (or `insula agent --join TOKEN`) on the machine does the rest.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// How many machines may join with it.
    #[arg(long, default_value_t = 1, value_name = "N")]
    uses: u32,
    /// For how many seconds it is valid.
    #[arg(long, default_value_t = 3_600, value_name = "SECONDS")]
    valid: u64,
    /// Where the machines reach the control plane [default: where it listens].
    #[arg(long, value_name = "HOST:PORT")]
    address: Option<String>,
}

pub(crate) async fn run(args: Args, global: &Global, output: &Output) -> Result<u8, Failure> {
    let wanted = MakeToken {
        uses: args.uses,
        valid_seconds: args.valid,
        address: args.address,
    };
    let token = global.client()?.make_token(&wanted).await?;
    if output.is_json() {
        output.document(&token)?;
    } else {
        output.line(&token.token)?;
    }
    if is_loopback(&token.address) {
        output.talk(&format_args!(
            "only agents of this machine reach {}; for another one, let the control plane listen on \
             its network (`insula dev --listen 0.0.0.0:5050`) and say --address HOST:PORT",
            token.address
        ));
    }
    Ok(exit::OK)
}

fn is_loopback(address: &str) -> bool {
    let socket: Result<SocketAddr, _> = address.parse();
    socket.map_or_else(
        |_| address.starts_with("localhost:"),
        |socket| socket.ip().is_loopback(),
    )
}
