//! `insula version`

use insula_client::Error;
use insula_client::api::Version;
use serde::Serialize;

use crate::exit::{self, Failure};
use crate::output::Output;
use crate::program::Global;

/// Show the version of this program and of the control plane, if one answers.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {}

#[derive(Serialize)]
struct Versions {
    client: &'static str,
    server: Option<Version>,
}

pub(crate) async fn run(_: Args, global: &Global, output: &Output) -> Result<u8, Failure> {
    let answer = match global.client()?.version().await {
        Ok(version) => Some(version),
        Err(Error::Unreachable { .. }) => None,
        Err(error) => return Err(error.into()),
    };
    let versions = Versions {
        client: env!("CARGO_PKG_VERSION"),
        server: answer,
    };
    if output.is_json() {
        output.document(&versions)?;
        return Ok(exit::OK);
    }
    output.line(&format_args!("insula         {}", versions.client))?;
    match versions.server {
        Some(server) => output.line(&format_args!(
            "control plane  {} (Mesos {}) at {}",
            server.version, server.mesos, global.url
        ))?,
        None => output.talk(&format_args!("no control plane answers at {}", global.url)),
    }
    Ok(exit::OK)
}
