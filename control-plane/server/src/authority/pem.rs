//! An authority in a file: its certificate and its key, as PEM (RFC 7468).

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer};

use super::{Authority, Error};

/// Longest line of PEM, in characters.
const LINE: usize = 64;

impl Authority {
    /// Reads what [`Self::to_pem`] wrote.
    ///
    /// # Errors
    /// [`Error::Pem`] if the text lacks the certificate or the key (PKCS#8); [`Error::Own`] if they
    /// are damaged.
    pub fn from_pem(text: &[u8]) -> Result<Self, Error> {
        let certificate = CertificateDer::from_pem_slice(text);
        let certificate = certificate.map_err(|error| Error::Pem("a certificate", error))?;
        let key = PrivatePkcs8KeyDer::from_pem_slice(text);
        let key = key.map_err(|error| Error::Pem("a private key (PKCS#8)", error))?;
        Self::load(&certificate, key.secret_pkcs8_der())
    }

    /// Certificate and private key, for a file that nobody else may read.
    #[must_use]
    pub fn to_pem(&self) -> String {
        let mut text = String::new();
        write(&mut text, "CERTIFICATE", &self.certificate);
        write(&mut text, "PRIVATE KEY", self.key());
        text
    }
}

fn write(text: &mut String, label: &str, der: &[u8]) {
    let encoded = STANDARD.encode(der);
    // Writing to a string does not fail.
    let _ = writeln!(text, "-----BEGIN {label}-----");
    let mut rest = encoded.as_str();
    while !rest.is_empty() {
        // Base64 is ASCII, so that every index is between two characters.
        let (line, more) = rest.split_at(rest.len().min(LINE));
        let _ = writeln!(text, "{line}");
        rest = more;
    }
    let _ = writeln!(text, "-----END {label}-----");
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::time::SystemTime;

    use super::*;

    #[test]
    fn an_authority_survives_its_file() {
        let made = Authority::generate("insula service", SystemTime::now()).unwrap();
        let text = made.to_pem();
        assert!(text.lines().all(|line| line.len() <= LINE));
        let read = Authority::from_pem(text.as_bytes()).unwrap();
        assert_eq!(made.fingerprint(), read.fingerprint());
        assert_eq!(made.key(), read.key());
    }

    #[test]
    fn a_file_without_the_key_is_refused() {
        let made = Authority::generate("insula service", SystemTime::now()).unwrap();
        let text = made.to_pem();
        let (certificate, _) = text.split_once("-----BEGIN PRIVATE").unwrap();
        for bad in [certificate, "", "nonsense"] {
            let error = Authority::from_pem(bad.as_bytes()).err().unwrap();
            assert!(matches!(error, Error::Pem(..)), "{error:?}");
        }
    }
}
