//! The one line that joins a machine to a pool.
//!
//! `insula-1.<base64url of a JSON object>` with the keys `a` (address, `host:port`), `f` (SHA-256 of
//! the service's certificate authority, DER, in hexadecimal) and `s` (the secret). The fingerprint
//! travels with the secret, so that an agent never trusts a server on first use.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};

/// What a token begins with; the number is the version of its format.
const PREFIX: &str = "insula-1.";
/// Longest token that is read, in bytes: a host name of 255 bytes and a secret of 500 fit.
const TOKEN_BYTES_MAX: usize = 2048;

/// What a machine needs to join. The secret is not in its `Debug` output.
#[derive(Clone, PartialEq, Eq)]
pub struct JoinToken {
    /// Where the service listens: `host:port`.
    pub address: String,
    /// SHA-256 of the certificate authority's certificate in DER.
    pub fingerprint: [u8; 32],
    /// Proves the right to join; known to the service only as a hash.
    pub secret: String,
}

/// Why a text is no join token.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum JoinTokenError {
    /// It begins with something else.
    #[error("a join token begins with '{PREFIX}'; copy the whole line that `insula` printed")]
    Prefix,
    /// It is of a later format.
    #[error("the join token is of a newer format; use a newer agent")]
    Newer,
    /// It is cut off or mistyped.
    #[error("the join token is damaged or incomplete; copy the whole line that `insula` printed")]
    Damaged,
    /// The address is not `host:port`.
    #[error("the join token names the address '{0}', which is not of the form host:port")]
    Address(String),
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Fields {
    a: String,
    f: String,
    s: String,
}

impl FromStr for JoinToken {
    type Err = JoinTokenError;

    fn from_str(text: &str) -> Result<Self, JoinTokenError> {
        let text = text.trim();
        let Some(encoded) = text.strip_prefix(PREFIX) else {
            return Err(if is_newer(text) {
                JoinTokenError::Newer
            } else {
                JoinTokenError::Prefix
            });
        };
        if text.len() > TOKEN_BYTES_MAX {
            return Err(JoinTokenError::Damaged);
        }
        let json = URL_SAFE_NO_PAD
            .decode(encoded)
            .map_err(|_| JoinTokenError::Damaged)?;
        let fields: Fields = serde_json::from_slice(&json).map_err(|_| JoinTokenError::Damaged)?;
        let fingerprint = bytes_of_hex(&fields.f).ok_or(JoinTokenError::Damaged)?;
        if fields.s.is_empty() {
            return Err(JoinTokenError::Damaged);
        }
        if !is_address(&fields.a) {
            return Err(JoinTokenError::Address(fields.a));
        }
        Ok(Self {
            address: fields.a,
            fingerprint,
            secret: fields.s,
        })
    }
}

impl fmt::Display for JoinToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fields = Fields {
            a: self.address.clone(),
            f: hex_of_bytes(&self.fingerprint),
            s: self.secret.clone(),
        };
        let json = serde_json::to_vec(&fields).map_err(|_| fmt::Error)?;
        write!(f, "{PREFIX}{}", URL_SAFE_NO_PAD.encode(json))
    }
}

impl fmt::Debug for JoinToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JoinToken")
            .field("address", &self.address)
            .finish_non_exhaustive()
    }
}

fn is_newer(text: &str) -> bool {
    let version = text
        .strip_prefix("insula-")
        .and_then(|rest| rest.split_once('.'));
    version.is_some_and(|(number, _)| number.parse::<u32>().is_ok_and(|number| number > 1))
}

/// Whether a text can be the address in a token: `host:port`.
#[must_use]
pub fn is_address(address: &str) -> bool {
    let parts = address.rsplit_once(':');
    parts.is_some_and(|(host, port)| {
        !host.is_empty() && port.parse::<u16>().is_ok_and(|port| port > 0)
    })
}

/// A fingerprint as 64 lowercase hexadecimal digits.
#[must_use]
pub fn hex_of_bytes(bytes: &[u8; 32]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The fingerprint of 64 hexadecimal digits, or nothing.
#[must_use]
pub fn bytes_of_hex(text: &str) -> Option<[u8; 32]> {
    if text.len() != 64 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    let mut bytes = [0; 32];
    for (byte, digits) in bytes.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    fn token() -> JoinToken {
        JoinToken {
            address: "cluster.example:5050".to_owned(),
            fingerprint: [0xab; 32],
            secret: "hush".to_owned(),
        }
    }

    #[test]
    fn a_token_reads_back_what_it_prints_and_keeps_its_secret() {
        let text = token().to_string();
        assert!(text.starts_with("insula-1."));
        assert_eq!(format!(" {text}\n").parse::<JoinToken>().unwrap(), token());
        assert!(!format!("{:?}", token()).contains("hush"));
    }

    #[test]
    fn a_bad_token_says_what_is_wrong() {
        let parse = |text: &str| text.parse::<JoinToken>().unwrap_err();
        let text = token().to_string();
        assert_eq!(parse("hello"), JoinTokenError::Prefix);
        assert_eq!(parse("insula-2.abc"), JoinTokenError::Newer);
        assert_eq!(parse(&text[..text.len() - 4]), JoinTokenError::Damaged);
        assert_eq!(parse("insula-1.!!"), JoinTokenError::Damaged);
        let no_port = JoinToken {
            address: "host".to_owned(),
            ..token()
        };
        assert_eq!(
            parse(&no_port.to_string()),
            JoinTokenError::Address("host".to_owned())
        );
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in ".{0,200}") {
            let _ = text.parse::<JoinToken>();
            let _ = format!("insula-1.{text}").parse::<JoinToken>();
        }
    }
}
