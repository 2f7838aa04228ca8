//! `insula admin`: what an operator does beside the replicas.

mod cell;
mod init;
mod recover;

use std::future::Future;

use clap::Subcommand;
use insula_server::admin::Database;

use crate::exit::{self, Failure};
use crate::output::Output;

/// Set a service up, add cells, and get out of a restored backup.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Init(init::Args),
    #[command(subcommand)]
    Cell(cell::Command),
    Recover(recover::Args),
}

/// Which database.
#[derive(Debug, clap::Args)]
struct Where {
    /// The database that all replicas share.
    #[arg(
        long,
        env = "INSULA_DATABASE_URL",
        hide_env_values = true,
        value_name = "postgres://…"
    )]
    database_url: String,
}

impl Where {
    async fn database(&self) -> Result<Database, Failure> {
        let database = Database::connect(&self.database_url).await;
        database.map_err(|error| Failure::from_error(&error))
    }
}

pub(crate) fn run(args: Args, output: &Output) -> Result<u8, Failure> {
    match args.command {
        Command::Init(args) => init::run(&args, output),
        Command::Cell(command) => block_on(cell::run(command, output)),
        Command::Recover(args) => block_on(recover::run(args, output)),
    }
}

fn block_on(command: impl Future<Output = Result<(), Failure>>) -> Result<u8, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let runtime = runtime.map_err(|error| Failure::from_error(&error))?;
    runtime.block_on(command)?;
    Ok(exit::OK)
}
