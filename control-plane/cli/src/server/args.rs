//! The arguments of `insula server`.

use std::net::SocketAddr;
use std::path::PathBuf;

use insula_telemetry::Format;

/// Run a replica of a service: as many as wanted share a database and a broker.
///
/// SIGTERM drains it: it takes no new connections, hands its partitions over and ends; a second one
/// ends it at once. `insula admin init` makes the two files.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The database that all replicas share.
    #[arg(
        long,
        env = "INSULA_DATABASE_URL",
        hide_env_values = true,
        value_name = "postgres://…",
        required_unless_present = "print_config"
    )]
    pub(super) database_url: Option<String>,
    /// The broker that all replicas share.
    #[arg(
        long,
        env = "INSULA_REDIS_URL",
        hide_env_values = true,
        value_name = "redis://…",
        required_unless_present = "print_config"
    )]
    pub(super) redis_url: Option<String>,
    /// What the names in the broker begin with, for services that share one.
    #[arg(long, default_value = "insula", value_name = "NAME")]
    pub(super) redis_prefix: String,
    /// Where to listen.
    #[arg(long, default_value = "0.0.0.0:5050", value_name = "ADDR")]
    pub(super) listen: SocketAddr,
    /// Where other replicas reach this one [default: where it listens].
    #[arg(long, value_name = "HOST:PORT")]
    pub(super) advertise: Option<String>,
    /// Where everybody else reaches the service, such as a load balancer [default: --advertise].
    #[arg(long, value_name = "HOST:PORT")]
    pub(super) public: Option<String>,
    /// The service's certificate authority with its key (PEM).
    #[arg(long, value_name = "FILE", required_unless_present = "print_config")]
    pub(super) ca_file: Option<PathBuf>,
    /// The operator's credential, one line principal:secret.
    #[arg(long, value_name = "FILE", required_unless_present = "print_config")]
    pub(super) operator_file: Option<PathBuf>,
    /// Durations other than the usual, one `key = value` on each line.
    #[arg(long, value_name = "FILE")]
    pub(super) config: Option<PathBuf>,
    /// Seconds between two heartbeats of a Mesos event stream [default: as configured].
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u32).range(1..=3_600))]
    pub(super) heartbeat: Option<u32>,
    /// Print the durations that would be in force, and end.
    #[arg(long)]
    pub(super) print_config: bool,
    /// What to log to standard error, such as info or info,insula_server=debug.
    #[arg(
        long,
        env = "INSULA_LOG",
        default_value = "info",
        value_name = "FILTER"
    )]
    pub(super) log: String,
    /// How to write it: text, or json for a JSON object on each line.
    #[arg(
        long,
        env = "INSULA_LOG_FORMAT",
        default_value = "text",
        value_name = "text|json"
    )]
    pub(super) log_format: Format,
    /// Tenants that get their own spans: lines TENANT = URL and TENANT.header.NAME = VALUE.
    #[arg(long, value_name = "FILE")]
    pub(super) tenant_traces: Option<PathBuf>,
}
