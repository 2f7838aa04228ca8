//! Why a control plane did not start.

use std::path::{Path, PathBuf};

use crate::durations::Unworkable;
use crate::{authority, front, partition, replica};

/// Why a control plane did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The port cannot be opened.
    #[error(transparent)]
    Listen(#[from] front::ListenError),
    /// The data directory cannot be used.
    #[error("cannot use the data directory {}", directory.display())]
    Store {
        /// Which.
        directory: PathBuf,
        /// Why not.
        #[source]
        source: insula_store::Error,
    },
    /// The shared database cannot be used.
    #[error("cannot use the database")]
    Database(#[source] insula_store::Error),
    /// The broker cannot be used.
    #[error("cannot use the broker")]
    Broker(#[source] insula_broker::BeginError),
    /// An address is not one.
    #[error("{option} '{address}' is not of the form host:port")]
    Address {
        /// Which option.
        option: &'static str,
        /// What was given.
        address: String,
    },
    /// Metrics cannot be exported as the variables of the environment ask.
    #[error(transparent)]
    Metrics(#[from] insula_telemetry::metrics::ExportError),
    /// The durations do not work together.
    #[error("the configuration cannot work")]
    Durations(#[from] Unworkable),
    /// The replica did not come up.
    #[error(transparent)]
    Replica(#[from] replica::StartError),
    /// The scheduler cannot be started.
    #[error(transparent)]
    Partition(#[from] partition::StartError),
    /// Certificates cannot be made or read.
    #[error(transparent)]
    Authority(#[from] authority::Error),
    /// TLS cannot be offered.
    #[error(transparent)]
    Tls(#[from] front::TlsError),
}

pub(super) fn unusable(directory: &Path) -> impl Fn(insula_store::Error) -> StartError {
    |source| StartError::Store {
        directory: directory.to_owned(),
        source,
    }
}
