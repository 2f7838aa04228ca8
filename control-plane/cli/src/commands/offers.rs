//! `insula offers`

use crate::exit::{self, Failure};
use crate::output::{Output, age};
use crate::program::Global;

/// Show offers that frameworks hold now.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {}

pub(crate) async fn run(_: Args, global: &Global, output: &Output) -> Result<u8, Failure> {
    let offers = global.client()?.offers().await?;
    let header = ["id", "framework", "role", "agent", "resources", "age"];
    output.list(&offers, &header, |offer| {
        vec![
            offer.id.clone(),
            offer.framework.clone(),
            offer.role.clone(),
            offer.agent.clone(),
            offer.resources.clone(),
            age(offer.made_at),
        ]
    })?;
    Ok(exit::OK)
}
