//! `insula partitions`

use crate::exit::{self, Failure};
use crate::output::{Output, or_dash};
use crate::program::Global;

/// Show which replica owns which partition of the cells.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {}

pub(crate) async fn run(_: Args, global: &Global, output: &Output) -> Result<u8, Failure> {
    let partitions = global.client()?.partitions().await?;
    let header = ["partition", "epoch", "owner", "address", "cells"];
    output.list(&partitions, &header, |partition| {
        vec![
            partition.partition.to_string(),
            partition.epoch.clone(),
            or_dash(partition.owner.as_deref().unwrap_or_default()),
            or_dash(partition.advertise.as_deref().unwrap_or_default()),
            partition.cells.to_string(),
        ]
    })?;
    Ok(exit::OK)
}
