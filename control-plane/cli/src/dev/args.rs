//! The arguments of `insula dev`.

use std::net::SocketAddr;
use std::path::PathBuf;

use insula_telemetry::Format;
use insula_types::Resources;

/// Run a control plane and agents of this machine, for development and to try things out.
///
/// Tasks outlive a crash of this process: the next start finds them. Ctrl-C kills them.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Run a native and a Wasm task first and show each step; keeps nothing.
    #[arg(long, conflicts_with = "data_dir")]
    pub(crate) demo: bool,
    /// Where to listen.
    #[arg(long, default_value = "127.0.0.1:5050", value_name = "ADDR")]
    pub(crate) listen: SocketAddr,
    /// Where to keep everything [default: insula below the XDG state directory].
    #[arg(long, value_name = "DIR")]
    pub(crate) data_dir: Option<PathBuf>,
    /// How many agents, each with an equal share of the machine; with 0, others may join.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(0..=64), value_name = "N")]
    pub(crate) agents: u32,
    /// What the agents offer together, such as `cpus:4;mem:2048;ports:[31000-32000]` [default: what
    /// the machine has].
    #[arg(long, value_name = "TEXT")]
    pub(crate) resources: Option<Resources>,
    /// What to log to standard error, such as info or info,insula_server=debug.
    #[arg(
        long,
        env = "INSULA_LOG",
        default_value = "warn",
        value_name = "FILTER"
    )]
    pub(crate) log: String,
    /// How to write it: text, or json for a JSON object on each line.
    #[arg(
        long,
        env = "INSULA_LOG_FORMAT",
        default_value = "text",
        value_name = "text|json"
    )]
    pub(crate) log_format: Format,
}
