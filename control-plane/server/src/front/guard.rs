//! Keeps web pages away from the unauthenticated loopback port.
//!
//! A caller from loopback has admin rights, so a page in a browser on the same machine must not be
//! able to call: it would give itself away by an `Origin` header, or, after rebinding a DNS name to
//! 127.0.0.1, by a foreign `Host`.

use std::net::IpAddr;

use axum::extract::Request;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::header::{HOST, ORIGIN};
use http::{HeaderMap, StatusCode, Uri};
use insula_types::ErrorCode;

use super::{Connection, Security};
use crate::gateway::ApiError;

/// Answers 403 to requests that a web page could have made on a plain connection.
pub async fn guard(request: Request, next: Next) -> Response {
    let plain = request
        .extensions()
        .get::<Connection>()
        .is_none_or(|connection| matches!(connection.security, Security::Plain));
    if plain && let Err(sentence) = check(request.headers(), request.uri()) {
        return refusal(sentence, request.uri());
    }
    next.run(request).await
}

/// Each interface has failures of its own shape.
fn refusal(sentence: &'static str, uri: &Uri) -> Response {
    if uri.path().starts_with("/v1/") {
        return ApiError::new(ErrorCode::PermissionDenied, sentence).into_response();
    }
    let mut response = (StatusCode::FORBIDDEN, format!("{sentence}\n")).into_response();
    ApiError::new(ErrorCode::PermissionDenied, sentence).note(&mut response);
    response
}

fn check(headers: &HeaderMap, uri: &Uri) -> Result<(), &'static str> {
    if headers.contains_key(ORIGIN) {
        return Err("requests from web pages (with an Origin header) are not served here");
    }
    // HTTP/2 has the host in the URI, HTTP/1 in a header, and either may have both; HTTP/1.0 may
    // have neither, and no browser speaks that.
    let named = headers.get_all(HOST).iter();
    let named = named.map(|host| host.to_str().unwrap_or("?"));
    let mut named = named.chain(uri.authority().map(http::uri::Authority::as_str));
    if named.all(is_loopback) {
        return Ok(());
    }
    Err("this Host is not served here; use localhost or 127.0.0.1")
}

fn is_loopback(host_and_port: &str) -> bool {
    let host = match host_and_port
        .strip_prefix('[')
        .and_then(|rest| rest.split_once(']'))
    {
        Some((host, _)) => host,
        None => host_and_port
            .rsplit_once(':')
            .map_or(host_and_port, |(host, _)| host),
    };
    host.eq_ignore_ascii_case("localhost")
        || host
            .parse::<IpAddr>()
            .is_ok_and(|address| address.to_canonical().is_loopback())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn with(name: http::HeaderName, value: &str) -> HeaderMap {
        HeaderMap::from_iter([(name, value.parse().unwrap())])
    }

    #[test]
    fn programs_on_this_machine_are_served() {
        let uri = Uri::from_static("/state");
        for host in [
            "localhost",
            "localhost:5050",
            "127.0.0.1:5050",
            "127.0.0.2",
            "[::1]:5050",
            "[::ffff:127.0.0.1]:5050",
        ] {
            assert_eq!(check(&with(HOST, host), &uri), Ok(()), "{host}");
        }
        assert_eq!(
            check(&HeaderMap::new(), &Uri::from_static("http://127.0.0.1:1/x")),
            Ok(())
        );
    }

    #[test]
    fn web_pages_are_not() {
        let uri = Uri::from_static("/state");
        for host in [
            "evil.example",
            "localhost.evil.example:5050",
            "10.0.0.1",
            "[2001:db8::1]:1",
        ] {
            assert!(check(&with(HOST, host), &uri).is_err(), "{host}");
        }
        let absolute = Uri::from_static("http://evil.example/state");
        assert!(check(&with(HOST, "localhost"), &absolute).is_err());
        let mut twice = with(HOST, "localhost");
        twice.append(HOST, "evil.example".parse().unwrap());
        assert!(check(&twice, &uri).is_err());
        assert!(check(&with(ORIGIN, "http://localhost:5050"), &uri).is_err());
        assert!(check(&with(ORIGIN, "null"), &uri).is_err());
        assert!(
            check(
                &HeaderMap::new(),
                &Uri::from_static("http://evil.example/x")
            )
            .is_err()
        );
    }
}
