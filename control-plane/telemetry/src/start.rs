//! Starting and stopping, once for each process.

use std::collections::HashMap;
use std::time::Duration;

use opentelemetry_otlp::ExporterBuildError;
use opentelemetry_sdk::Resource;
use tokio::runtime::Runtime;

use crate::export::{self, Otlp, Queue, Signal, TenantEndpoint};
use crate::recent::Recent;
use crate::recorder::{self, Recorder, recorder};
use crate::sampling::{Advice, Sampler};

/// What a process records.
#[derive(Debug, Clone)]
pub struct Settings {
    /// `service.name`, unless `OTEL_SERVICE_NAME` says otherwise.
    pub service: &'static str,
    /// `service.instance.id`: which replica or agent.
    pub instance: String,
    /// Which traces are recorded, unless `OTEL_TRACES_SAMPLER` says otherwise. Nothing means all if they
    /// are exported, and none if they are not.
    pub sampler: Option<Sampler>,
    /// How many spans are kept in memory to be looked at, a few hundred bytes each, unless they are
    /// exported to the operator.
    pub recent: usize,
    /// Tenants that get their own spans.
    pub tenants: Vec<TenantEndpoint>,
}

/// Why recording cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A variable of the environment says what there is not.
    #[error("{0}")]
    Variable(String),
    /// An exporter cannot be made of what the variables say.
    #[error("cannot export spans of this process to {to}")]
    Exporter {
        /// Where to.
        to: String,
        /// Why.
        #[source]
        source: ExporterBuildError,
    },
    /// The system gives no thread.
    #[error("cannot start the thread that exports spans")]
    Thread(#[source] std::io::Error),
    /// It was started before.
    #[error("recording of spans was started before")]
    Twice,
}

/// Records until it is shut or dropped.
#[derive(Debug)]
#[must_use = "what is not flushed at the end is lost"]
pub struct Guard {
    /// Carries a gRPC connection, if there is one; of its own, so that export takes no turn of anybody.
    runtime: Option<Runtime>,
    /// How long the last export may take.
    within: Duration,
}

/// Starts recording as the standard variables of OpenTelemetry say.
///
/// # Errors
/// See [`StartError`].
pub fn start(settings: Settings) -> Result<Guard, StartError> {
    let variable = |name: &str| std::env::var(name).ok();
    let otlp = Otlp::from_env(Signal::Traces, variable).map_err(StartError::Variable)?;
    let chosen = Sampler::from_env(variable).map_err(StartError::Variable)?;
    let is_exported = otlp.is_some() || !settings.tenants.is_empty();
    if !is_exported && settings.recent == 0 {
        return Ok(Guard::new(None));
    }
    let default = if is_exported {
        Sampler::Always
    } else {
        Sampler::Never
    };
    let resource = export::resource(settings.service, settings.instance);
    export::prepare();
    let runtime = otlp.map(|otlp| otlp.protocol.runtime("telemetry"));
    let runtime = runtime.transpose().map_err(StartError::Thread)?.flatten();
    let queue = otlp.map(|otlp| operator(otlp, runtime.as_ref(), &resource));
    let tenants = settings.tenants.iter().map(|endpoint| {
        let exporter = export::tenant(endpoint).map_err(failed(&endpoint.url))?;
        let queue = Queue::new(exporter, &resource, variable);
        Ok((endpoint.tenant.clone(), queue))
    });
    // Keeping a span costs as much as making it. Where they are exported, that is where to look.
    let kept = if otlp.is_some() { 0 } else { settings.recent };
    let recorder = Recorder {
        sampler: chosen.or(settings.sampler).unwrap_or(default),
        advice: Advice::default(),
        recent: Recent::new(kept),
        queue: queue.transpose()?,
        tenants: tenants.collect::<Result<HashMap<_, _>, _>>()?,
    };
    if !recorder::install(recorder) {
        return Err(StartError::Twice);
    }
    Ok(Guard::new(runtime))
}

fn operator(
    otlp: Otlp,
    runtime: Option<&Runtime>,
    resource: &Resource,
) -> Result<Queue, StartError> {
    let _within = runtime.map(Runtime::enter);
    let exporter = export::operator(otlp.protocol);
    let exporter = exporter.map_err(failed(
        "the receiver that the variables OTEL_EXPORTER_OTLP_… name",
    ))?;
    Ok(Queue::new(exporter, resource, |name| {
        std::env::var(name).ok()
    }))
}

fn failed(to: &str) -> impl FnOnce(ExporterBuildError) -> StartError {
    let to = to.to_owned();
    move |source| StartError::Exporter { to, source }
}

impl Guard {
    fn new(runtime: Option<Runtime>) -> Self {
        Self {
            runtime,
            within: Duration::from_secs(1),
        }
    }

    /// Exports what waits, for at most about so long.
    pub fn shut(mut self, within: Duration) {
        self.within = within;
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        if let Some(recorder) = recorder() {
            recorder.flush(self.within);
        }
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}
