//! One request and its answer.

use bytes::Bytes;
use http::header::AUTHORIZATION;
use http::uri::Scheme;
use http::{HeaderMap, HeaderValue, Method, Request, Response, Uri};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper_util::client::legacy::Client as Pool;
use hyper_util::rt::TokioExecutor;
use insula_proto::Credential;
use insula_proto::rest::{CELL_HEADER, ErrorBody, ErrorDetail};
use insula_types::{CellId, ErrorCode, TraceContext};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::Error;
use crate::connect::Connector;

/// Longest answer that is read whole: a page of a thousand tasks has a few hundred kilobytes.
const ANSWER_BYTES_MAX: usize = 64 << 20;

pub(crate) type Body = BoxBody<Bytes, std::io::Error>;

/// How to reach a control plane, and as whom.
#[derive(Debug, Clone, Default)]
pub struct Access {
    /// Its address, such as `http://127.0.0.1:5050`.
    pub url: String,
    /// What it is to be convinced with; nothing where it asks for nothing.
    pub credential: Option<Credential>,
    /// Which cell the requests are about; `default` if absent.
    pub cell: Option<CellId>,
    /// The certificate of the authority that certifies its replicas, as PEM; for `https` addresses.
    pub authority: Option<Vec<u8>>,
}

/// A handle to one control plane; cheap to clone.
#[derive(Debug, Clone)]
pub struct Client {
    base: String,
    headers: HeaderMap,
    pool: Pool<Connector, Body>,
}

impl Client {
    /// A client without a credential; see [`Self::connect`].
    ///
    /// # Errors
    /// [`Error::Address`] if the text is not an `http` address.
    pub fn new(url: &str) -> Result<Self, Error> {
        Self::connect(&Access {
            url: url.to_owned(),
            ..Access::default()
        })
    }

    /// Remembers how to reach a control plane; connects when first used.
    ///
    /// # Errors
    /// [`Error::Address`] if the text is not an address, or the authority is missing or not usable.
    pub fn connect(access: &Access) -> Result<Self, Error> {
        let url = &access.url;
        let bad = |why| Error::Address {
            url: url.clone(),
            why,
        };
        let full = if url.contains("://") {
            url.clone()
        } else {
            format!("http://{url}")
        };
        let uri: Uri = full
            .parse()
            .map_err(|_| bad("it is not a URL such as http://127.0.0.1:5050"))?;
        let is_tls = match uri.scheme() {
            Some(scheme) if *scheme == Scheme::HTTP => false,
            Some(scheme) if *scheme == Scheme::HTTPS => true,
            _ => return Err(bad("it begins with neither http:// nor https://")),
        };
        if uri.host().is_none_or(str::is_empty) {
            return Err(bad("it names no host"));
        }
        if uri.query().is_some() {
            return Err(bad("it has a query"));
        }
        let connector = match &access.authority {
            Some(authority) => Connector::trusting(authority).map_err(bad)?,
            None if is_tls => {
                return Err(bad(
                    "https needs the certificate of the service's authority (--ca FILE)",
                ));
            }
            None => Connector::plain(),
        };
        Ok(Self {
            base: full.trim_end_matches('/').to_owned(),
            headers: headers(access).ok_or_else(|| bad("its cell cannot be sent"))?,
            pool: Pool::builder(TokioExecutor::new()).build(connector),
        })
    }

    /// The same, whose requests belong to a trace: the control plane goes on with it.
    #[must_use]
    pub fn in_trace(mut self, trace: &TraceContext) -> Self {
        for (name, text) in [
            ("traceparent", trace.traceparent().as_str()),
            ("tracestate", trace.tracestate()),
        ] {
            self.headers.remove(name);
            // Both are made of characters that a header has.
            if let Ok(value) = HeaderValue::from_str(text)
                && !text.is_empty()
            {
                self.headers.insert(name, value);
            }
        }
        self
    }

    /// The address.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.base
    }

    pub(crate) async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, Error> {
        let response = self.send(Method::GET, path, None, empty()).await?;
        self.read(path, response).await
    }

    pub(crate) async fn post<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &impl Serialize,
    ) -> Result<T, Error> {
        let response = self.send_json(Method::POST, path, body).await?;
        self.read(path, response).await
    }

    pub(crate) async fn send_json(
        &self,
        method: Method,
        path: &str,
        body: &impl Serialize,
    ) -> Result<Response<Incoming>, Error> {
        let json = serde_json::to_vec(body).map_err(|error| self.protocol(path, &error))?;
        self.send(method, path, Some("application/json"), whole(json.into()))
            .await
    }

    /// Sends a request; any status but success becomes [`Error::Refused`].
    pub(crate) async fn send(
        &self,
        method: Method,
        path: &str,
        content_type: Option<&str>,
        body: Body,
    ) -> Result<Response<Incoming>, Error> {
        let mut request = Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.base));
        if let Some(content_type) = content_type {
            request = request.header(http::header::CONTENT_TYPE, content_type);
        }
        let mut request = request
            .body(body)
            .map_err(|error| self.protocol(path, &error))?;
        request.headers_mut().extend(self.headers.clone());
        let response = self
            .pool
            .request(request)
            .await
            .map_err(|error| self.failed(error))?;
        if response.status().is_success() {
            return Ok(response);
        }
        Err(self.refusal(path, response).await)
    }

    pub(crate) async fn read<T: DeserializeOwned>(
        &self,
        path: &str,
        response: Response<Incoming>,
    ) -> Result<T, Error> {
        let bytes = self.read_whole(response).await?;
        serde_json::from_slice(&bytes).map_err(|error| self.protocol(path, &error))
    }

    async fn refusal(&self, path: &str, response: Response<Incoming>) -> Error {
        let status = response.status();
        let bytes = match self.read_whole(response).await {
            Ok(bytes) => bytes,
            Err(error) => return error,
        };
        if let Ok(body) = serde_json::from_slice::<ErrorBody>(&bytes) {
            return Error::Refused(body.error, status);
        }
        // The guard in front of the API and the Mesos endpoints answer in plain text.
        let text = String::from_utf8_lossy(&bytes);
        let message = match text.trim() {
            "" => format!("the control plane answered {status} to {path}"),
            sentence => sentence.to_owned(),
        };
        let code = match status.as_u16() {
            401 => ErrorCode::Unauthenticated,
            403 => ErrorCode::PermissionDenied,
            404 => ErrorCode::NotFound,
            503 => ErrorCode::Unavailable,
            400..500 => ErrorCode::InvalidArgument,
            _ => ErrorCode::Internal,
        };
        Error::Refused(
            ErrorDetail {
                code,
                message,
                hint: None,
            },
            status,
        )
    }

    async fn read_whole(&self, response: Response<Incoming>) -> Result<Bytes, Error> {
        let body = Limited::new(response.into_body(), ANSWER_BYTES_MAX);
        let collected = body
            .collect()
            .await
            .map_err(|source| self.broken_off(source))?;
        Ok(collected.to_bytes())
    }

    /// Only where no connection was made is it certain that nothing was done.
    fn failed(&self, error: hyper_util::client::legacy::Error) -> Error {
        if !error.is_connect() {
            return self.broken_off(error);
        }
        Error::Unreachable {
            url: self.base.clone(),
            source: root_cause(&error),
        }
    }

    pub(crate) fn broken_off(
        &self,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Error {
        Error::BrokenOff {
            url: self.base.clone(),
            source: source.into(),
        }
    }

    pub(crate) fn protocol(&self, request: &str, why: &impl ToString) -> Error {
        Error::Protocol {
            url: self.base.clone(),
            request: request.to_owned(),
            why: why.to_string(),
        }
    }
}

/// What every request carries.
fn headers(access: &Access) -> Option<HeaderMap> {
    let mut headers = HeaderMap::new();
    if let Some(credential) = &access.credential {
        let bearer = format!("Bearer {}", credential.secret);
        let mut bearer = HeaderValue::from_str(&bearer).ok()?;
        bearer.set_sensitive(true);
        headers.insert(AUTHORIZATION, bearer);
    }
    if let Some(cell) = &access.cell {
        headers.insert(CELL_HEADER, HeaderValue::from_str(cell.as_str()).ok()?);
    }
    Some(headers)
}

/// The innermost cause: that the connection was refused says all, that a client could not connect
/// says nothing more.
fn root_cause(error: &dyn std::error::Error) -> Box<dyn std::error::Error + Send + Sync> {
    let mut cause = error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    cause.to_string().into()
}

pub(crate) fn empty() -> Body {
    whole(Bytes::new())
}

pub(crate) fn whole(bytes: Bytes) -> Body {
    Full::new(bytes).map_err(|never| match never {}).boxed()
}

/// Escapes one segment or value of a URL (RFC 3986: everything but unreserved characters).
pub(crate) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                escaped.push(char::from(byte));
            }
            _ => escaped.push_str(&format!("%{byte:02X}")),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn an_address_may_be_short() {
        assert_eq!(
            Client::new("127.0.0.1:5050").unwrap().url(),
            "http://127.0.0.1:5050"
        );
        assert_eq!(
            Client::new("http://localhost:1/").unwrap().url(),
            "http://localhost:1"
        );
    }

    #[test]
    fn a_wrong_address_is_refused_with_a_reason() {
        for bad in [
            "",
            "https://example.org",
            "ftp://x",
            "http://",
            "http://a b",
            "http://a/?b=c",
        ] {
            let error = Client::new(bad).unwrap_err();
            assert!(matches!(error, Error::Address { .. }), "{bad}: {error}");
        }
    }

    #[test]
    fn tls_needs_an_authority_that_is_one() {
        let access = |authority: Option<&[u8]>| Access {
            url: "https://example.org".to_owned(),
            authority: authority.map(<[u8]>::to_vec),
            ..Access::default()
        };
        for authority in [None, Some(b"".as_slice()), Some(b"no certificate")] {
            let error = Client::connect(&access(authority)).unwrap_err();
            assert!(matches!(error, Error::Address { .. }), "{error}");
        }
    }

    #[test]
    fn ids_are_escaped_in_paths() {
        assert_eq!(escape("web 1/ä"), "web%201%2F%C3%A4");
    }
}
