//! Exporters of spans.

use std::time::Duration;

use opentelemetry_otlp::{
    ExporterBuildError, Protocol as Wire, SpanExporter, WithExportConfig, WithHttpConfig,
};

use super::settings::Protocol;
use super::tenant::{OnlyTheirs, TenantEndpoint};

/// How long a tenant's receiver may take for a batch.
const TENANT_TIMEOUT: Duration = Duration::from_secs(10);

/// The exporter that the standard variables describe. For gRPC it must be made within a runtime, which
/// then carries its connection.
pub(crate) fn operator(protocol: Protocol) -> Result<SpanExporter, ExporterBuildError> {
    match protocol {
        Protocol::Grpc => SpanExporter::builder().with_tonic().build(),
        Protocol::HttpProtobuf => {
            let builder = SpanExporter::builder().with_http();
            builder.with_protocol(Wire::HttpBinary).build()
        }
    }
}

/// The exporter to a tenant's own receiver.
pub(crate) fn tenant(endpoint: &TenantEndpoint) -> Result<SpanExporter, ExporterBuildError> {
    SpanExporter::builder()
        .with_http()
        .with_protocol(Wire::HttpBinary)
        .with_endpoint(&endpoint.url)
        .with_timeout(TENANT_TIMEOUT)
        .with_http_client(OnlyTheirs::new(endpoint)?)
        .build()
}
