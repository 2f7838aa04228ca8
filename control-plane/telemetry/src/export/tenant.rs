//! Receivers of tenants' own spans.

use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response, Uri, header};
use insula_types::TenantId;
use opentelemetry_http::{HttpClient, HttpError};
use opentelemetry_otlp::ExporterBuildError;

/// Tenants that may have a receiver of their own: each has a queue and a thread.
const TENANTS_MAX: usize = 64;

/// Longest file that is read, in bytes.
const FILE_BYTES_MAX: usize = 64 << 10;

/// Where the spans of one tenant go, beside the operator's own receiver.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TenantEndpoint {
    /// Whose spans.
    pub tenant: TenantId,
    /// Where they are posted, in OTLP over HTTP: the whole address, such as
    /// `https://otlp.example/v1/traces`.
    pub url: String,
    /// Headers that go with them, such as a credential.
    pub headers: HeaderMap,
}

/// Why a file of receivers is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TenantEndpointError {
    /// The file is too long to be one.
    #[error("the file has more than {FILE_BYTES_MAX} bytes")]
    TooLong,
    /// There are too many.
    #[error("there are more than {TENANTS_MAX} tenants with a receiver of their own")]
    TooMany,
    /// A line is not of a form that there is.
    #[error(
        "line {line} is neither 'TENANT = http(s)://…' nor 'TENANT.header.NAME = VALUE' after the tenant's address"
    )]
    Form {
        /// Which, from 1.
        line: usize,
    },
    /// A tenant has two addresses.
    #[error("line {line}: the tenant '{tenant}' has an address already")]
    Twice {
        /// Which, from 1.
        line: usize,
        /// Whose.
        tenant: TenantId,
    },
}

/// Reads a file of receivers: lines `TENANT = URL`, each followed by any number of lines
/// `TENANT.header.NAME = VALUE`. Empty lines and lines that begin with `#` are passed over.
///
/// # Errors
/// See [`TenantEndpointError`]; values are never repeated, since they may be credentials.
pub fn parse_tenants(text: &str) -> Result<Vec<TenantEndpoint>, TenantEndpointError> {
    if text.len() > FILE_BYTES_MAX {
        return Err(TenantEndpointError::TooLong);
    }
    let mut found: Vec<TenantEndpoint> = Vec::new();
    for (index, content) in text.lines().enumerate() {
        let line = index + 1;
        let content = content.trim();
        if content.is_empty() || content.starts_with('#') {
            continue;
        }
        let form = || TenantEndpointError::Form { line };
        let (name, value) = content.split_once('=').ok_or_else(form)?;
        let (name, value) = (name.trim(), value.trim());
        if let Some((tenant, header)) = name.split_once(".header.") {
            let of_tenant = |known: &&mut TenantEndpoint| known.tenant.as_str() == tenant;
            let endpoint = found.iter_mut().find(of_tenant).ok_or_else(form)?;
            let header = HeaderName::from_bytes(header.as_bytes()).map_err(|_| form())?;
            let mut value = HeaderValue::from_str(value).map_err(|_| form())?;
            value.set_sensitive(true);
            endpoint.headers.append(header, value);
            continue;
        }
        let tenant = TenantId::from(name);
        if name.is_empty() || !is_address(value) {
            return Err(form());
        }
        if found.iter().any(|known| known.tenant == tenant) {
            return Err(TenantEndpointError::Twice { line, tenant });
        }
        if found.len() == TENANTS_MAX {
            return Err(TenantEndpointError::TooMany);
        }
        found.push(TenantEndpoint {
            tenant,
            url: value.to_owned(),
            headers: HeaderMap::new(),
        });
    }
    Ok(found)
}

fn is_address(text: &str) -> bool {
    let uri = text.parse::<Uri>().ok();
    uri.is_some_and(|uri| {
        matches!(uri.scheme_str(), Some("http" | "https")) && uri.host().is_some()
    })
}

/// Posts to a tenant's receiver with that tenant's headers and no others: the library would add those
/// of `OTEL_EXPORTER_OTLP_HEADERS`, which are the operator's credentials. Follows no redirects.
#[derive(Debug)]
pub(super) struct OnlyTheirs {
    client: reqwest::blocking::Client,
    headers: HeaderMap,
}

impl OnlyTheirs {
    pub(super) fn new(endpoint: &TenantEndpoint) -> Result<Self, ExporterBuildError> {
        let builder = reqwest::blocking::Client::builder()
            .timeout(Duration::from_secs(10))
            .redirect(reqwest::redirect::Policy::none());
        let failed = |error: reqwest::Error| ExporterBuildError::InternalFailure(error.to_string());
        // The client waits for a runtime of its own, which it may not do on a thread of another.
        let client = std::thread::scope(|scope| {
            let made = scope.spawn(|| builder.build()).join();
            made.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        });
        Ok(Self {
            client: client.map_err(failed)?,
            headers: endpoint.headers.clone(),
        })
    }
}

#[async_trait]
impl HttpClient for OnlyTheirs {
    async fn send_bytes(&self, mut request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let headers = request.headers_mut();
        let kept = [header::CONTENT_TYPE, header::CONTENT_ENCODING];
        let kept = kept.map(|name| headers.remove(&name).map(|value| (name, value)));
        *headers = self.headers.clone();
        headers.extend(kept.into_iter().flatten());
        self.client.send_bytes(request).await
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_file_names_receivers_and_their_headers() {
        let text = "# ours\nacme = https://otlp.acme.example/v1/traces\n\n\
                    acme.header.Authorization = Bearer a=b\nbeta = http://localhost:4318/v1/traces\n";
        let found = parse_tenants(text).unwrap();
        assert_eq!(found.len(), 2);
        assert_eq!(found[0].headers["authorization"], "Bearer a=b");
        assert!(found[1].headers.is_empty());
        assert!(
            !format!("{found:?}").contains("a=b"),
            "a credential is shown"
        );
    }

    #[test]
    fn a_wrong_line_is_named_and_its_value_is_not_repeated() {
        for text in [
            "acme",
            "acme = ftp://x/",
            "acme = /v1/traces",
            "beta.header.authorization = secret",
            "acme = http://x/\nacme = http://y/",
        ] {
            let sentence = parse_tenants(text).unwrap_err().to_string();
            assert!(sentence.starts_with("line "), "{sentence}");
            assert!(!sentence.contains("secret"), "{sentence}");
        }
    }
}
