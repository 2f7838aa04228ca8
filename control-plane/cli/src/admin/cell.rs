//! `insula admin cell`

use serde::Serialize;

use super::Where;
use crate::exit::Failure;
use crate::output::Output;
use crate::program;

/// Add and list cells: pools of machines with a scheduler each.
#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// Add a cell; replicas serve it within seconds.
    Add {
        /// Its name.
        name: String,
        #[command(flatten)]
        at: Where,
    },
    /// List the cells.
    Ls {
        #[command(flatten)]
        at: Where,
    },
}

#[derive(Serialize)]
struct Cell {
    cell: String,
    partition: u16,
}

pub(super) async fn run(command: Command, output: &Output) -> Result<(), Failure> {
    match command {
        Command::Add { name, at } => add(&name, &at, output).await,
        Command::Ls { at } => list(&at, output).await,
    }
}

async fn add(name: &str, at: &Where, output: &Output) -> Result<(), Failure> {
    let cell = program::cell(name)?;
    let database = at.database().await?;
    let added = database.add_cell(&cell).await;
    database.close().await;
    let partition = added.map_err(|error| Failure::from_error(&error))?;
    if output.is_json() {
        return output.document(&Cell {
            cell: cell.to_string(),
            partition: partition.0,
        });
    }
    output.line(&format_args!("{cell} is in partition {}", partition.0))
}

async fn list(at: &Where, output: &Output) -> Result<(), Failure> {
    let database = at.database().await?;
    let found = database.cells().await;
    database.close().await;
    let found = found.map_err(|error| Failure::from_error(&error))?;
    let cells: Vec<Cell> = found
        .into_iter()
        .map(|(cell, partition)| Cell {
            cell: cell.to_string(),
            partition: partition.0,
        })
        .collect();
    output.list(&cells, &["cell", "partition"], |cell| {
        vec![cell.cell.clone(), cell.partition.to_string()]
    })
}
