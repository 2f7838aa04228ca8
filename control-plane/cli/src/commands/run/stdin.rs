//! What is piped into this process, handed on to the task.

use std::fs;
use std::os::unix::fs::FileTypeExt;

use insula_client::{Client, Error};
use insula_types::ErrorCode;
use tokio_util::io::ReaderStream;

use super::Args;
use crate::exit::Failure;
use crate::output::Output;

/// Whether something is piped into this process.
pub(super) struct Input {
    piped: bool,
}

impl Input {
    /// A pipe or a file on standard input is handed on; a terminal or `/dev/null` is not.
    ///
    /// # Errors
    /// If the task could not be fed: input can be given to one start of one task only.
    pub(super) fn of_this_process(args: &Args) -> Result<Self, Failure> {
        let piped = !args.detach && is_piped();
        if piped && (args.retries > 0 || args.count > 1) {
            return Err(
                Failure::usage("piped input can be given to one start of one task only")
                    .hint("leave out --retries and --count, or add `< /dev/null`"),
            );
        }
        Ok(Self { piped })
    }

    pub(super) fn is_piped(&self) -> bool {
        self.piped
    }

    /// Feeds the task until the input or the task ends. That a task does not read all of its input is
    /// no failure: `head` does not either.
    pub(super) async fn feed(&self, client: &Client, ids: &[String], output: &Output) {
        let (true, [id]) = (self.piped, ids) else {
            return;
        };
        let input = ReaderStream::with_capacity(tokio::io::stdin(), 64 << 10);
        let Err(error) = client.feed(id, input).await else {
            return;
        };
        // Refused is what the task does not want any more, since it is over as a rule.
        let is_refused = matches!(
            &error,
            Error::Refused(detail, _) if detail.code == ErrorCode::FailedPrecondition
        );
        if !is_refused {
            let failure = Failure::from(error).about(&"the task's input is cut off");
            output.talk(&failure);
        }
    }
}

fn is_piped() -> bool {
    fs::metadata("/dev/stdin").is_ok_and(|stdin| stdin.file_type().is_fifo() || stdin.is_file())
}
