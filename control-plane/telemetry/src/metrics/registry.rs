//! All metrics of one process, and who reads them.

use std::fmt;
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

use opentelemetry::InstrumentationScope;
use opentelemetry::metrics::{Histogram as Instrument, Meter, MeterProvider as _};
use opentelemetry_sdk::metrics::SdkMeterProvider;
use prometheus::{Encoder as _, TextEncoder};
use tokio::runtime::Runtime;

use super::counter::Counter;
use super::definition::{Definition, Kind, Unit};
use super::histogram::{self, Histogram, OpenHistogram};
use super::label::Labels;
use super::otlp::{Export, ExportError};
use super::shown::Shown;
use crate::export::resource;

/// Microseconds, of which counters of seconds are made.
const MICROS: f64 = 1e6;

/// Whose metrics they are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// `insula-server` or `insula-agent`.
    pub service: &'static str,
    /// The version of the build.
    pub version: &'static str,
    /// Tells this process from others of the service: the replica's or the agent's id.
    pub instance: String,
}

/// All metrics of one process; cheap to clone. They are read as text ([`Self::text`]), and sent over
/// OTLP if the standard variables of OpenTelemetry name a receiver.
#[derive(Clone)]
pub struct Metrics {
    shared: Arc<Shared>,
}

struct Shared {
    identity: Identity,
    registry: prometheus::Registry,
    meter: Meter,
    provider: SdkMeterProvider,
    is_exported: bool,
    /// Carries a gRPC connection, if there is one.
    runtime: Option<Runtime>,
}

impl Metrics {
    /// Metrics without a receiver but [`Self::text`].
    #[must_use]
    pub fn new(identity: Identity) -> Self {
        Self::with(identity, None)
    }

    /// Metrics that are also sent to where the standard variables say, from a thread of their own.
    ///
    /// # Errors
    /// [`ExportError`] if the variables ask for what there is not.
    pub fn start(identity: Identity) -> Result<Self, ExportError> {
        let export = Export::from_env(|name| std::env::var(name).ok())?;
        Ok(Self::with(identity, export))
    }

    fn with(identity: Identity, export: Option<Export>) -> Self {
        let registry = prometheus::Registry::new();
        let text = opentelemetry_prometheus::exporter()
            .with_registry(registry.clone())
            .without_target_info()
            .scope_info_enabled(false)
            .build()
            .expect("a registry that was just made takes its first collector");
        let mut builder = SdkMeterProvider::builder()
            .with_resource(resource(identity.service, identity.instance.clone()))
            .with_reader(text);
        let is_exported = export.is_some();
        let mut runtime = None;
        if let Some(export) = export {
            builder = builder.with_reader(export.reader);
            runtime = export.runtime;
        }
        let provider = builder.build();
        let scope = InstrumentationScope::builder("insula").with_version(identity.version);
        let meter = provider.meter_with_scope(scope.build());
        Self {
            shared: Arc::new(Shared {
                identity,
                registry,
                meter,
                provider,
                is_exported,
                runtime,
            }),
        }
    }

    /// Whose they are.
    #[must_use]
    pub fn identity(&self) -> &Identity {
        &self.shared.identity
    }

    /// Whether they are also sent somewhere.
    #[must_use]
    pub fn is_exported(&self) -> bool {
        self.shared.is_exported
    }

    /// A counter; in a counter of seconds microseconds are counted.
    #[must_use]
    pub fn counter<L: Labels>(&self, definition: &Definition) -> Counter<L> {
        expect::<L>(definition, Kind::Counter);
        let counter = Counter::detached();
        let read = counter.read();
        let unit = if definition.unit == Unit::Seconds {
            MICROS
        } else {
            1.0
        };
        self.shared
            .meter
            .f64_observable_counter(definition.name)
            .with_unit(definition.unit.as_str())
            .with_description(definition.meaning)
            .with_callback(move |observer| {
                read(&mut |count, labels| observer.observe(approximate(count) / unit, labels));
            })
            .build();
        counter
    }

    /// A histogram with closed labels.
    #[must_use]
    pub fn histogram<L: Labels>(&self, definition: &Definition) -> Histogram<L> {
        expect::<L>(definition, Kind::Histogram);
        Histogram::new(self.instrument(definition))
    }

    /// A histogram with labels that are not known beforehand; whoever records bounds their number.
    #[must_use]
    pub fn open_histogram(&self, definition: &Definition) -> OpenHistogram {
        OpenHistogram::new(self.instrument(definition))
    }

    fn instrument(&self, definition: &Definition) -> Instrument<f64> {
        self.shared
            .meter
            .f64_histogram(definition.name)
            .with_unit(definition.unit.as_str())
            .with_description(definition.meaning)
            .with_boundaries(histogram::bounds(definition.unit))
            .build()
    }

    /// A gauge, or a counter that is counted elsewhere; in the unit of the table.
    #[must_use]
    pub fn shown(&self, definition: &Definition) -> Shown {
        let shown = Shown::default();
        let read = shown.read();
        let (meter, name) = (&self.shared.meter, definition.name);
        let (unit, meaning) = (definition.unit.as_str(), definition.meaning);
        if definition.kind == Kind::Counter {
            meter
                .f64_observable_counter(name)
                .with_unit(unit)
                .with_description(meaning)
                .with_callback(move |observer| {
                    read(&mut |value, labels| observer.observe(value, labels));
                })
                .build();
        } else {
            meter
                .f64_observable_gauge(name)
                .with_unit(unit)
                .with_description(meaning)
                .with_callback(move |observer| {
                    read(&mut |value, labels| observer.observe(value, labels));
                })
                .build();
        }
        shown
    }

    /// Everything in the text format of Prometheus.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = String::new();
        let families = self.shared.registry.gather();
        if let Err(error) = TextEncoder::new().encode_utf8(&families, &mut text) {
            tracing::error!(%error, "the metrics cannot be written");
        }
        text
    }

    /// What [`Self::text`] is, as a `Content-Type`.
    #[must_use]
    pub fn content_type() -> String {
        TextEncoder::new().format_type().to_owned()
    }

    /// Sends the last values, and sends no more; waits for the receiver, but at most so long.
    pub fn shut(&self, within: Duration) {
        if self.is_exported() && self.shared.shut().recv_timeout(within).is_err() {
            tracing::debug!("the last metrics were not sent in time");
        }
    }
}

impl Shared {
    /// Shuts on a thread of its own, since the SDK waits for a receiver that hangs, however little
    /// time it is given.
    fn shut(&self) -> mpsc::Receiver<()> {
        let (tell, shut) = mpsc::channel();
        let provider = self.provider.clone();
        let work = move || {
            if let Err(error) = provider.shutdown() {
                tracing::debug!(%error, "the last metrics were not sent");
            }
            // Whoever shuts may not wait any longer.
            let _ = tell.send(());
        };
        if let Err(error) = thread::Builder::new().spawn(work) {
            tracing::debug!(%error, "the last metrics were not sent");
        }
        shut
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        if self.is_exported {
            // Nobody waits for that.
            let _ = self.shut();
        }
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Metrics").field(self.identity()).finish()
    }
}

/// A count as a number of Prometheus, whose numbers all have 53 bits.
#[must_use]
pub fn approximate(count: u64) -> f64 {
    #[expect(
        clippy::cast_precision_loss,
        reason = "beyond 2^53 the last digits do not matter"
    )]
    let number = count as f64;
    number
}

/// The table says what a metric is; code that says otherwise does not start in any test.
fn expect<L: Labels>(definition: &Definition, kind: Kind) {
    let mut told: Vec<&str> = definition.labels.iter().map(|label| label.name).collect();
    let mut used = L::names();
    told.sort_unstable();
    used.sort_unstable();
    assert_eq!(
        (definition.kind, told),
        (kind, used),
        "{} is used otherwise than the table says",
        definition.name
    );
}
