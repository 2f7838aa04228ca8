//! `insula server`: one replica of a service.

mod args;

use std::path::Path;
use std::time::Duration;

use insula_server::authority::Authority;
use insula_server::config;
use insula_server::durations::Durations;
use insula_server::{ReplicaOptions, ReplicaServer};
use insula_telemetry::{Settings, parse_tenants};
use insula_types::ReplicaId;

pub(crate) use args::Args;

use crate::exit::{self, Failure};
use crate::file;
use crate::output::Output;
use crate::signals::StopSignals;

/// How long the last spans may take to be exported at the end.
const FLUSHED_WITHIN: Duration = Duration::from_secs(2);
/// The same if somebody is in a hurry.
const FLUSHED_AT_ONCE: Duration = Duration::from_millis(200);
/// Spans that are kept to be looked at; some megabytes.
const RECENT_SPANS: usize = 8_192;

/// Runs until SIGTERM or Ctrl-C.
pub(crate) fn run(args: Args, output: &Output) -> Result<u8, Failure> {
    let durations = durations(&args)?;
    if args.print_config {
        output.raw(config::print(&durations).as_bytes())?;
        return Ok(exit::OK);
    }
    insula_telemetry::init(&args.log, args.log_format)
        .map_err(|error| Failure::from_error(&error))?;
    let settings = settings(&args)?;
    let id = ReplicaId::from(settings.instance.as_str());
    let recording = insula_telemetry::start(settings);
    let recording = recording.map_err(|error| Failure::from_error(&error))?;
    let options = options(args, id, durations)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build();
    let runtime = runtime.map_err(|error| Failure::from_error(&error))?;
    let result = runtime.block_on(serve(options, output));
    // Not on a thread of the runtime, which this blocks.
    recording.shut(if result.is_ok() {
        FLUSHED_WITHIN
    } else {
        FLUSHED_AT_ONCE
    });
    runtime.shutdown_timeout(Duration::from_secs(1));
    result
}

/// How this replica records spans: under the id that it has in everything else.
fn settings(args: &Args) -> Result<Settings, Failure> {
    let tenants = match &args.tenant_traces {
        None => Vec::new(),
        Some(path) => parse_tenants(&file::text(path)?)
            .map_err(|error| Failure::from_error(&error).about(&path.display()))?,
    };
    Ok(Settings {
        service: "insula-server",
        instance: ReplicaOptions::fresh_id().to_string(),
        sampler: None,
        recent: RECENT_SPANS,
        tenants,
    })
}

fn durations(args: &Args) -> Result<Durations, Failure> {
    let mut durations = match &args.config {
        None => Durations::default(),
        Some(path) => config::parse(&file::text(path)?)
            .map_err(|error| Failure::from_error(&error).about(&path.display()))?,
    };
    if let Some(seconds) = args.heartbeat {
        durations.heartbeat = Duration::from_secs(seconds.into());
    }
    Ok(durations)
}

fn options(args: Args, id: ReplicaId, durations: Durations) -> Result<ReplicaOptions, Failure> {
    let (Some(database_url), Some(redis_url), Some(ca_file), Some(operator_file)) = (
        args.database_url,
        args.redis_url,
        args.ca_file,
        args.operator_file,
    ) else {
        return Err(Failure::usage(
            "a replica needs a database, a broker and both files",
        ));
    };
    Ok(ReplicaOptions {
        id,
        listen: args.listen,
        advertise: args.advertise,
        public: args.public,
        database_url,
        redis_url,
        redis_prefix: args.redis_prefix,
        authority: authority(&ca_file)?,
        operator: file::credential(&operator_file)?,
        durations,
    })
}

fn authority(path: &Path) -> Result<Authority, Failure> {
    Authority::from_pem(&file::read(path)?)
        .map_err(|error| Failure::from_error(&error).about(&path.display()))
        .map_err(|failure| failure.hint("`insula admin init --ca-file FILE` makes one"))
}

async fn serve(options: ReplicaOptions, output: &Output) -> Result<u8, Failure> {
    // Heard from the beginning, so that an early signal leaves nothing behind either.
    let mut signals = StopSignals::listen()?;
    let starting = ReplicaServer::start(options);
    let server = tokio::select! {
        started = starting => started.map_err(|error| Failure::from_error(&error))?,
        () = signals.next() => return Ok(exit::OK),
    };
    output.talk(&format_args!(
        "replica {} at https://{}, the service at https://{}",
        server.id(),
        server.advertise(),
        server.public()
    ));
    signals.next().await;
    output.talk(&"draining: handing partitions over; a second signal ends it at once");
    tokio::select! {
        drained = server.drain() => drained.map_err(|error| Failure::from_error(&error))?,
        () = signals.next() => return Err(left_in_a_hurry()),
    }
    Ok(exit::OK)
}

fn left_in_a_hurry() -> Failure {
    Failure::new("ended before everything was handed over")
        .hint("other replicas take over when the leases have ended")
        .code(exit::INTERRUPTED)
}
