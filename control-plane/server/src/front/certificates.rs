//! The replica's own certificates: made when needed, and again before they expire, without a restart.

use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, SystemTime};

use rustls::crypto::ring;
use rustls::pki_types::PrivateKeyDer;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

use super::TlsError;
use crate::authority::{Authority, SERVER_LIFE};

/// What a server's certificate is used for before the next one is made; agents' clocks may be wrong
/// by hours, and the rest is room for that.
pub(crate) const USED_FOR: Duration = Duration::from_secs(SERVER_LIFE.as_secs() * 2 / 3);

/// The certificate that a server shows, made by the service's authority for these names.
pub struct ServerCertificate {
    authority: Arc<Authority>,
    names: Vec<String>,
    current: RwLock<Issued>,
}

#[derive(Clone)]
struct Issued {
    key: Arc<CertifiedKey>,
    at: SystemTime,
}

impl ServerCertificate {
    /// Makes the first one. `names` are host names and addresses beside that of the service.
    ///
    /// # Errors
    /// [`TlsError::Issue`] if that is not possible.
    pub fn new(authority: Arc<Authority>, names: Vec<String>) -> Result<Self, TlsError> {
        let current = RwLock::new(issue(&authority, &names, SystemTime::now())?);
        Ok(Self {
            authority,
            names,
            current,
        })
    }

    /// The one to show now. If a new one cannot be made, the old one is better than none.
    fn at(&self, now: SystemTime) -> Arc<CertifiedKey> {
        let read = self.current.read().unwrap_or_else(PoisonError::into_inner);
        let issued = read.clone();
        drop(read);
        if !is_used_up(issued.at, now) {
            return issued.key;
        }
        match issue(&self.authority, &self.names, now) {
            Ok(made) => {
                let key = Arc::clone(&made.key);
                *self.current.write().unwrap_or_else(PoisonError::into_inner) = made;
                key
            }
            Err(error) => {
                let error: &dyn std::error::Error = &error;
                tracing::error!(error, "cannot renew the server's certificate");
                issued.key
            }
        }
    }
}

/// Whether a certificate made `at` is to be replaced `now`; also one from the future, since then one
/// of the two readings of the clock was wrong.
pub(crate) fn is_used_up(at: SystemTime, now: SystemTime) -> bool {
    now.duration_since(at).map_or(true, |age| age >= USED_FOR)
}

fn issue(authority: &Authority, names: &[String], now: SystemTime) -> Result<Issued, TlsError> {
    let (chain, key) = authority
        .issue_server(names, now)
        .map_err(TlsError::Issue)?;
    let key = PrivateKeyDer::from(key);
    let key = CertifiedKey::from_der(chain, key, &ring::default_provider())?;
    Ok(Issued {
        key: Arc::new(key),
        at: now,
    })
}

impl ResolvesServerCert for ServerCertificate {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.at(SystemTime::now()))
    }
}

impl fmt::Debug for ServerCertificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerCertificate")
            .field("names", &self.names)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_certificate_is_replaced_before_it_expires() {
        let now = SystemTime::now();
        let authority = Arc::new(Authority::generate("service", now).unwrap());
        let certificate = ServerCertificate::new(authority, Vec::new()).unwrap();
        let first = certificate.at(now);
        let later = now + Duration::from_secs(3600);
        assert!(Arc::ptr_eq(&first, &certificate.at(later)));
        let much_later = now + USED_FOR + Duration::from_secs(60);
        let second = certificate.at(much_later);
        assert!(!Arc::ptr_eq(&first, &second));
        assert!(Arc::ptr_eq(&second, &certificate.at(much_later)));
    }
}
