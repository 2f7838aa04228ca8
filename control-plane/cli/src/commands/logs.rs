//! `insula logs`

use futures::StreamExt;
use insula_client::{Client, OutputRange, OutputStream};

use crate::exit::{self, Failure};
use crate::output::Output;
use crate::program::Global;

/// Print a task's output.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Which task.
    #[arg(value_name = "TASK")]
    id: String,
    /// Go on until the task is over.
    #[arg(short, long)]
    follow: bool,
    /// Only what it wrote to standard error.
    #[arg(long)]
    stderr: bool,
    /// Only the last so many bytes.
    #[arg(long, value_name = "BYTES")]
    tail: Option<u64>,
    /// Only of this start, counted from 0, of a task that was started again; the last if absent.
    #[arg(long, value_name = "N")]
    attempt: Option<u32>,
}

pub(crate) async fn run(args: Args, global: &Global, output: &Output) -> Result<u8, Failure> {
    let client = global.client()?;
    let range = OutputRange {
        tail: args.tail,
        offset: 0,
        follow: args.follow,
        attempt: args.attempt,
    };
    if args.stderr {
        print(&client, &args.id, OutputStream::Stderr, range, |bytes| {
            output.raw(bytes)
        })
        .await?;
        return Ok(exit::OK);
    }
    tokio::try_join!(
        print(&client, &args.id, OutputStream::Stdout, range, |bytes| {
            output.raw(bytes)
        }),
        print(&client, &args.id, OutputStream::Stderr, range, |bytes| {
            output.raw_talk(bytes);
            Ok(())
        }),
    )?;
    Ok(exit::OK)
}

/// Prints one of the two outputs.
async fn print(
    client: &Client,
    id: &str,
    stream: OutputStream,
    range: OutputRange,
    sink: impl Fn(&[u8]) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let mut bytes = client.output(id, stream, range).await?;
    while let Some(chunk) = bytes.next().await {
        sink(&chunk?)?;
    }
    Ok(())
}
