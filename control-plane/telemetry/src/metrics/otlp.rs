//! Sending metrics over OTLP.

use std::io;

use opentelemetry_otlp::{
    ExporterBuildError, MetricExporter, Protocol as Wire, WithExportConfig as _,
};
use opentelemetry_sdk::metrics::PeriodicReader;
use tokio::runtime::Runtime;

use crate::export::{self, Otlp, Protocol, Signal};

/// Why metrics are not sent.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The standard variables ask for what there is not.
    #[error("{0}")]
    Variable(String),
    /// The exporter cannot be made of what the variables say.
    #[error(
        "cannot export metrics of this process to the receiver that the variables OTEL_EXPORTER_OTLP_… name"
    )]
    Exporter(#[from] ExporterBuildError),
    /// The system gives no thread.
    #[error("cannot start the thread that exports metrics")]
    Thread(#[from] io::Error),
}

/// Sends metrics now and then. The reader has a thread of its own, and a gRPC connection a runtime of
/// its own: a receiver that hangs delays the next export and nothing else. Nothing is kept for it
/// meanwhile: all numbers are totals, and the next export has them.
pub(super) struct Export {
    pub(super) reader: PeriodicReader<MetricExporter>,
    pub(super) runtime: Option<Runtime>,
}

impl Export {
    /// As the standard variables say; nothing if they name no receiver.
    pub(super) fn from_env(
        variable: impl Fn(&str) -> Option<String>,
    ) -> Result<Option<Self>, ExportError> {
        let settings = Otlp::from_env(Signal::Metrics, variable).map_err(ExportError::Variable)?;
        let Some(Otlp { protocol }) = settings else {
            return Ok(None);
        };
        export::prepare();
        let runtime = protocol.runtime("metrics")?;
        let within = runtime.as_ref().map(Runtime::enter);
        let exporter = match protocol {
            Protocol::HttpProtobuf => http()?,
            Protocol::Grpc => MetricExporter::builder().with_tonic().build()?,
        };
        drop(within);
        let reader = PeriodicReader::builder(exporter).build();
        Ok(Some(Self { reader, runtime }))
    }
}

fn http() -> Result<MetricExporter, ExporterBuildError> {
    let builder = MetricExporter::builder().with_http();
    builder.with_protocol(Wire::HttpBinary).build()
}
