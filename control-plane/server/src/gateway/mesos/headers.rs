//! The headers that the Mesos interface looks at.

use http::HeaderMap;
use http::header::{ACCEPT, CONTENT_ENCODING, CONTENT_TYPE};
use insula_proto::mesos::v1::scheduler::{Call, Event};
use insula_proto::{DecodeError, decode_json, decode_protobuf, encode_json};
use prost::Message as _;

use super::refusal::Refusal;

/// Names the subscription that a call belongs to.
pub(super) const STREAM_ID: &str = "Mesos-Stream-Id";

/// How messages are written on a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum MediaType {
    /// `application/json`.
    Json,
    /// `application/x-protobuf`.
    Protobuf,
}

impl MediaType {
    /// The name in `Content-Type`.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::Protobuf => "application/x-protobuf",
        }
    }

    /// Reads a call.
    pub(super) fn decode(self, body: &[u8]) -> Result<Call, DecodeError> {
        match self {
            Self::Json => decode_json(body),
            Self::Protobuf => decode_protobuf(body),
        }
    }

    /// Writes an event.
    pub(super) fn encode(self, event: &Event) -> Vec<u8> {
        match self {
            Self::Json => encode_json(event),
            Self::Protobuf => event.encode_to_vec(),
        }
    }
}

/// What the body of a call is. The name must be exact, as for Mesos: with a parameter such as
/// `charset` it is another one.
pub(super) fn of_body(headers: &HeaderMap) -> Result<MediaType, Refusal> {
    let given = headers.get(CONTENT_TYPE).ok_or(Refusal::NoContentType)?;
    let known = [MediaType::Json, MediaType::Protobuf];
    let found = known.into_iter().find(|known| given == known.name());
    if headers
        .get(CONTENT_ENCODING)
        .is_some_and(|encoding| encoding != "identity")
    {
        return Err(Refusal::ContentEncoding);
    }
    found.ok_or(Refusal::ContentType)
}

/// What the client wants its events in: JSON, unless it excludes that.
pub(super) fn accepted(headers: &HeaderMap) -> Result<MediaType, Refusal> {
    if !headers.contains_key(ACCEPT) {
        return Ok(MediaType::Json);
    }
    [MediaType::Json, MediaType::Protobuf]
        .into_iter()
        .find(|known| allows(headers, known.name()))
        .ok_or(Refusal::NotAcceptable)
}

/// A header as text; what is not UTF-8 is replaced, so that it equals nothing of ours.
pub(super) fn text(headers: &HeaderMap, name: &str) -> Option<String> {
    let value = headers.get(name)?;
    Some(String::from_utf8_lossy(value.as_bytes()).into_owned())
}

/// Whether one of the ranges of `Accept` covers the media type (RFC 9110, section 12.5.1).
fn allows(headers: &HeaderMap, media_type: &str) -> bool {
    headers
        .get_all(ACCEPT)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|range| covers(range, media_type))
}

fn covers(range: &str, media_type: &str) -> bool {
    let mut parts = range.split(';').map(str::trim);
    let name = parts.next().unwrap_or_default();
    let refused = parts.any(|parameter| {
        let quality = parameter.strip_prefix("q=").map(str::parse::<f32>);
        quality.is_some_and(|quality| quality == Ok(0.0))
    });
    !refused && ["*/*", "application/*", media_type].contains(&name)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn accepting(value: &str) -> Option<MediaType> {
        let headers = HeaderMap::from_iter([(ACCEPT, value.parse().unwrap())]);
        accepted(&headers).ok()
    }

    #[test]
    fn json_is_preferred_wherever_it_is_allowed() {
        assert_eq!(accepted(&HeaderMap::new()).unwrap(), MediaType::Json);
        for value in [
            "*/*",
            "application/*",
            "application/json",
            "application/x-protobuf, application/json;q=0.1",
            "text/html, */*;q=0.5",
        ] {
            assert_eq!(accepting(value), Some(MediaType::Json), "{value}");
        }
    }

    #[test]
    fn what_is_not_allowed_is_not_sent() {
        for value in [
            "application/x-protobuf",
            "application/json;q=0, application/*",
        ] {
            let found = accepting(value);
            assert_ne!(found, None, "{value}");
        }
        assert_eq!(
            accepting("application/x-protobuf"),
            Some(MediaType::Protobuf)
        );
        for value in ["foo", "text/*", "application/json;q=0", ""] {
            assert_eq!(accepting(value), None, "{value}");
        }
    }
}
