use std::path::PathBuf;
use std::time::Duration;

/// What one task is given.
#[derive(Clone, Debug)]
pub(crate) struct Task {
    /// What the guest sees as its own name.
    pub(crate) name: String,
    /// Arguments after the name.
    pub(crate) args: Vec<String>,
    /// The whole environment.
    pub(crate) environment: Vec<(String, String)>,
    /// An existing folder for output and files.
    pub(crate) sandbox: PathBuf,
    /// A FIFO or a file; without it the guest reads end of file.
    pub(crate) stdin: Option<PathBuf>,
    /// Limit of all memories and tables together, in bytes.
    pub(crate) memory_limit: u64,
    /// Limit of the time from the start of the guest.
    pub(crate) wall: Option<Duration>,
    /// Limit of stdout and stderr together, in bytes.
    pub(crate) output_limit: u64,
}
