//! What can go wrong with a request.

use http::StatusCode;
use insula_proto::rest::ErrorDetail;

/// See each variant.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The address is not usable.
    #[error("'{url}' is not the address of a control plane: {why}")]
    Address {
        /// What was given.
        url: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// There is no connection: certainly nothing was done.
    #[error("cannot reach the control plane at {url}")]
    Unreachable {
        /// Whom was asked.
        url: String,
        /// Why not.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The control plane refused.
    #[error("{}", .0.message)]
    Refused(ErrorDetail, StatusCode),
    /// The answer is not what the API promises.
    #[error("the answer of {url} to {request} is not understood: {why}")]
    Protocol {
        /// Who answered.
        url: String,
        /// What was asked.
        request: String,
        /// What is wrong with the answer.
        why: String,
    },
    /// The connection ended before the answer did, or before there was any: whether the request was
    /// carried out is not known.
    #[error("the connection to {url} broke off")]
    BrokenOff {
        /// Who was answering.
        url: String,
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}
