//! Who this machine is to the control plane, and how it became that.
//!
//! A join token is traded once for a certificate: the agent makes its key, sends a signing request
//! with the token's secret, and keeps what comes back in `identity.json`, on disk before it is used.
//! The key is in `joining.json` before it is sent, so that an agent whose answer was lost can ask again.
//! Whom to trust is in the token: every server must show a chain that ends in the authority of that
//! fingerprint ([`tls`]).

mod base64_bytes;
mod enroll;
mod file;
mod joining;
mod keep;
pub(crate) mod tls;

pub(crate) use enroll::enroll;
pub(crate) use file::Identity;

use std::io;
use std::path::PathBuf;

/// Why this machine has no identity.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is neither an identity nor a token.
    #[error("{path} does not exist and no join token was given; ask for one with `insula token`")]
    NoToken {
        /// Where the identity would be.
        path: PathBuf,
    },
    /// The directory belongs to another service than the token.
    #[error(
        "this work directory has joined another service than the token is for; choose another work directory, or start without the token"
    )]
    OtherService,
    /// The file cannot be read or written.
    #[error("cannot {operation} {path}")]
    File {
        /// The verb.
        operation: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The file is not one of ours, or of a later version.
    #[error("{path} is damaged or was written by a newer agent; move it away and join anew")]
    Malformed {
        /// The file.
        path: PathBuf,
    },
    /// The machine cannot make a key.
    #[error("cannot make a key")]
    Key(#[source] rcgen::Error),
    /// The certificate or key cannot be used.
    #[error("cannot use the certificate")]
    Certificate(#[source] rustls::Error),
    /// The service cannot be reached, or is not the one that the token names.
    #[error("cannot reach {address}")]
    Connect {
        /// Where.
        address: String,
        /// What went wrong.
        #[source]
        source: tonic::transport::Error,
    },
    /// The service refused the token.
    #[error("{address} refused the join token: {sentence}")]
    Refused {
        /// Where.
        address: String,
        /// Its own words.
        sentence: String,
    },
    /// The service answered with something that cannot be an identity.
    #[error("{address} answered with an invalid agent id")]
    Answer {
        /// Where.
        address: String,
        /// The rule that is broken.
        #[source]
        source: insula_types::ids::IdError,
    },
}
