//! What all exports of a process have in common.

use std::io;

use opentelemetry::KeyValue;
use opentelemetry_sdk::Resource;
use tokio::runtime::{Builder, Runtime};

use super::settings::Protocol;

/// Who we are, in OpenTelemetry's words. `OTEL_RESOURCE_ATTRIBUTES` comes on top, and
/// `OTEL_SERVICE_NAME` in place of `service`.
pub(crate) fn resource(service: &'static str, instance: String) -> Resource {
    let mut attributes = vec![
        KeyValue::new("service.version", env!("CARGO_PKG_VERSION")),
        KeyValue::new("service.instance.id", instance),
    ];
    if std::env::var_os("OTEL_SERVICE_NAME").is_none() {
        attributes.push(KeyValue::new("service.name", service));
    }
    Resource::builder().with_attributes(attributes).build()
}

/// To be called before an exporter is made: connections need a provider of cryptography. One that the
/// process has chosen stays.
pub(crate) fn prepare() {
    let _ = rustls::crypto::ring::default_provider().install_default();
}

impl Protocol {
    /// What carries the connection, if it needs something to: a thread of its own, so that export takes
    /// no turn of anybody.
    pub(crate) fn runtime(self, thread: &str) -> io::Result<Option<Runtime>> {
        if self == Self::HttpProtobuf {
            return Ok(None);
        }
        let mut builder = Builder::new_multi_thread();
        builder.worker_threads(1).thread_name(thread).enable_all();
        builder.build().map(Some)
    }
}
