//! `insula replicas`

use crate::exit::{self, Failure};
use crate::output::{Output, age};
use crate::program::Global;

/// Show the replicas of the control plane.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {}

pub(crate) async fn run(_: Args, global: &Global, output: &Output) -> Result<u8, Failure> {
    let replicas = global.client()?.replicas().await?;
    let header = ["id", "address", "state", "partitions", "version", "age"];
    output.list(&replicas, &header, |replica| {
        vec![
            replica.id.clone(),
            replica.advertise.clone(),
            replica.state.clone(),
            replica.partitions.to_string(),
            replica.version.clone(),
            age(replica.started_at),
        ]
    })?;
    Ok(exit::OK)
}
