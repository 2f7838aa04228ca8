//! `insula admin recover`

use std::io;
use std::time::{SystemTime, UNIX_EPOCH};

use insula_types::Epoch;

use super::Where;
use crate::exit::Failure;
use crate::output::Output;

/// What somebody types who means it.
const SENTENCE: &str = "raise every epoch";

/// Make a database usable that was restored from a backup: every later epoch is higher than any
/// that agents have heard.
///
/// Whoever owns a partition loses it at once. What agents know and the database does not is held
/// and shown, and nothing runs twice.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    at: Where,
    /// The highest epoch that an agent has told of, in hexadecimal as alarms print it.
    #[arg(long, value_name = "EPOCH", required_unless_present = "now")]
    epoch_above: Option<String>,
    /// Above any epoch that was given until now, if clocks were right.
    #[arg(long, conflicts_with = "epoch_above")]
    now: bool,
    /// Do not ask.
    #[arg(long)]
    yes: bool,
}

pub(super) async fn run(args: Args, output: &Output) -> Result<(), Failure> {
    let above = match &args.epoch_above {
        Some(text) => u64::from_str_radix(text, 16)
            .map_err(|_| Failure::usage(format!("'{text}' is no epoch, in hexadecimal")))?,
        None => milliseconds_now(),
    };
    let above = Epoch(above);
    if !args.yes {
        confirm(above, output)?;
    }
    let database = args.at.database().await?;
    let recovered = database.recover(above).await;
    database.close().await;
    let floor = recovered.map_err(|error| Failure::from_error(&error))?;
    output.line(&format_args!("every later epoch is above {floor}"))
}

fn confirm(above: Epoch, output: &Output) -> Result<(), Failure> {
    output.talk(&format_args!(
        "this ends every ownership of a partition and raises all epochs above {above}; it is for a \
         database that was restored from a backup, and cannot be undone\ntype '{SENTENCE}' to go on:"
    ));
    let mut typed = String::new();
    let read = io::stdin().read_line(&mut typed);
    match read {
        Ok(_) if typed.trim() == SENTENCE => Ok(()),
        _ => Err(Failure::new("nothing was changed").hint("--yes does it without a question")),
    }
}

/// Epochs are never below the unix time in milliseconds at which they were given (rule R5).
fn milliseconds_now() -> u64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
