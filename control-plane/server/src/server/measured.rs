//! The metrics of a control plane.

use std::sync::Arc;
use std::time::Duration;

use insula_telemetry::metrics::{ExportError, Identity, Metrics};
use tokio_util::task::AbortOnDropHandle;

use crate::metrics::look_for_export;
use crate::service::Service;

/// How long a receiver may take for the last values.
const LAST: Duration = Duration::from_secs(1);

/// Metrics of a process, which the id tells from others of the service.
pub(super) fn metrics(instance: &str) -> Result<Metrics, ExportError> {
    Metrics::start(Identity {
        service: "insula-server",
        version: env!("CARGO_PKG_VERSION"),
        instance: instance.to_owned(),
    })
}

/// Keeps them true for a receiver, if there is one.
pub(super) fn export(service: &Arc<Service>) -> AbortOnDropHandle<()> {
    AbortOnDropHandle::new(tokio::spawn(look_for_export(Arc::clone(service))))
}

/// Sends the last values.
pub(super) async fn shut(metrics: Metrics) {
    if metrics.is_exported() {
        // A panic of the exporter is no concern of a process that ends.
        let _ = tokio::task::spawn_blocking(move || metrics.shut(LAST)).await;
    }
}
