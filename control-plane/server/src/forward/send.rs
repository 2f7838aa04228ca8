//! Sends one request on, and hands its answer back as it comes.

use std::pin::pin;
use std::time::Duration;

use axum::body::Body;
use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use http::header::RETRY_AFTER;
use http::uri::{Authority, Scheme};
use http::{HeaderValue, Method, StatusCode, Uri, Version};
use http_body_util::BodyExt;
use insula_telemetry::inject;
use insula_telemetry::metrics::labels::Answered;
use insula_types::{AgentId, ErrorCode, LaunchId};
use tokio::time::timeout;

use super::peer::NoPlace;
use super::peers::Peers;
use super::routes::Patience;
use super::sending::Sending;
use super::stamp::{stamp, strip};
use crate::auth::TenantContext;
use crate::front::TlsError;
use crate::gateway::requests::OPEN_MAX;
use crate::gateway::{ApiError, chain, http_status};

/// Where a request goes next.
pub(super) struct Onward<'a> {
    /// Where the replica is reached.
    pub(super) address: &'a str,
    /// Whom the request speaks for.
    pub(super) context: &'a TenantContext,
    /// How often it has been forwarded then.
    pub(super) hops: u8,
    /// The start that it is about, if the other side is to look for nothing itself.
    pub(super) start: Option<(AgentId, LaunchId)>,
    /// How long the head of the answer may take.
    pub(super) patience: Patience,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
enum Lost {
    #[error("this replica cannot prove who it is")]
    Credentials(#[from] TlsError),
    #[error("the request cannot be written down for another replica")]
    Unwritable,
    #[error(transparent)]
    NoPlace(#[from] NoPlace),
    #[error("it broke off")]
    BrokenOff(#[source] hyper::Error),
    #[error("it did not answer within {} seconds", .0.as_secs())]
    Silent(Duration),
}

impl Lost {
    /// Of which kind it is, from a closed set.
    fn kind(&self) -> &'static str {
        match self {
            Self::Credentials(_) => "credentials",
            Self::Unwritable => "unwritable",
            Self::NoPlace(NoPlace::Unreachable(_)) => "unreachable",
            Self::NoPlace(NoPlace::Busy) => "busy",
            Self::BrokenOff(_) => "broken_off",
            Self::Silent(_) => "silent",
        }
    }

    /// Whether certainly nothing of the request has arrived.
    fn is_certain(&self) -> bool {
        !matches!(self, Self::BrokenOff(_) | Self::Silent(_))
    }
}

impl Peers {
    /// Sends a request on; what goes wrong becomes an answer of the interface's own shape.
    pub(super) async fn send(&self, onward: Onward<'_>, request: Request) -> Response {
        let (uri, method) = (request.uri().clone(), request.method().clone());
        let mut sending = Sending::begin(&onward, &request);
        let sent = self.try_send(&onward, &mut sending, request).await;
        let is_news = self.at(onward.address).note(sent.is_err());
        let outcome = sent.as_ref().map_or(Answered::Failed, |_| Answered::Ok);
        onward.context.cell.measures().forwarded.one(outcome);
        match sent {
            Ok(response) => response,
            Err(lost) => {
                sending.lost(lost.kind(), &chain(&lost));
                let (address, error): (_, &dyn std::error::Error) = (onward.address, &lost);
                if is_news {
                    tracing::warn!(address, error, "a request was not forwarded");
                } else {
                    tracing::debug!(address, error, "another request was not forwarded");
                }
                shaped(&uri, refusal(&lost, &method))
            }
        }
    }

    async fn try_send(
        &self,
        onward: &Onward<'_>,
        sending: &mut Sending,
        request: Request,
    ) -> Result<Response, Lost> {
        let mut request = addressed(onward, request).ok_or(Lost::Unwritable)?;
        inject(sending.context(), request.headers_mut());
        let tls = self.credentials.tls()?;
        let peer = self.at(onward.address);
        let mut place = peer.place(onward.address, tls).await?;
        let answer = place.sender.send_request(request);
        let answer = match onward.patience {
            // The span must not be open for as long as that may take.
            Patience::Unbounded => {
                let mut answer = pin!(answer);
                match timeout(OPEN_MAX, &mut answer).await {
                    Ok(answer) => answer,
                    Err(_) => {
                        sending.goes_on();
                        answer.await
                    }
                }
            }
            Patience::For(time) => timeout(time, answer)
                .await
                .map_err(|_| Lost::Silent(time))?,
        };
        let (mut head, body) = answer.map_err(Lost::BrokenOff)?.into_parts();
        sending.answered(head.status);
        strip(&mut head.headers);
        head.version = Version::HTTP_11;
        // The place is taken until the answer has ended.
        let body = body.map_frame(move |frame| {
            let _taken = &place.permit;
            frame
        });
        Ok(Response::from_parts(head, Body::new(body)))
    }
}

/// The request as the other replica gets it.
fn addressed(onward: &Onward<'_>, request: Request) -> Option<Request> {
    let (mut head, body) = request.into_parts();
    let mut uri = head.uri.into_parts();
    uri.scheme = Some(Scheme::HTTPS);
    uri.authority = Some(onward.address.parse::<Authority>().ok()?);
    head.uri = Uri::from_parts(uri).ok()?;
    head.version = Version::HTTP_2;
    head.extensions.clear();
    strip(&mut head.headers);
    let start = onward.start.as_ref();
    stamp(&mut head.headers, onward.context, onward.hops, start)?;
    Some(Request::from_parts(head, body))
}

fn refusal(lost: &Lost, method: &Method) -> ApiError {
    if !lost.is_certain() && *method != Method::GET && *method != Method::HEAD {
        // Not `Unavailable`, which invites to try again (rule R16).
        return ApiError::new(
            ErrorCode::Internal,
            "the replica that the request concerns went away while it was under way",
        )
        .hint("whether it was carried out is not known; look before you repeat it");
    }
    ApiError::new(
        ErrorCode::Unavailable,
        "the replica that can answer this does not answer now; try again in a moment",
    )
}

/// Each interface has failures of its own shape.
pub(super) fn shaped(uri: &Uri, error: ApiError) -> Response {
    if uri.path().starts_with("/v1/") {
        return error.into_response();
    }
    let status = http_status(error.code());
    let mut response = (status, error.message().to_owned()).into_response();
    error.note(&mut response);
    if status == StatusCode::SERVICE_UNAVAILABLE {
        let soon = HeaderValue::from_static("1");
        response.headers_mut().insert(RETRY_AFTER, soon);
    }
    response
}
