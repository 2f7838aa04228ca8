//! The agents' side: enrollment, sessions, modules, and the bytes of output and input.
//!
//! Who an agent is comes from its certificate and from nothing else (rule R15). A certificate that is
//! valid but whose agent was revoked, or is not known to the store, is refused at every call.

mod bytes;
mod enroll;
mod outbound;
mod session;

use std::pin::Pin;
use std::sync::Arc;

use futures::Stream;
use http_body_util::Limited;
use insula_proto::convert::agent::MESSAGE_BYTES_MAX;
use insula_proto::insula::agent::v1::agent_service_server::{AgentService, AgentServiceServer};
use insula_proto::insula::agent::v1::{
    Chunk, EnrollRequest, EnrollResponse, FetchModuleRequest, FromAgent, OutputChunk,
    ReceiveInputRequest, SendOutputResponse, ToAgent,
};
use insula_store::AgentIdentity;
use insula_types::ErrorCode;
use tonic::{Request, Response, Status, Streaming};

use super::ApiError;
use super::requests::Arrival;
use crate::auth::calling_agent;
use crate::front::Connection;
use crate::service::Service;

pub use enroll::make_token;

type Answers<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

/// Most that a caller without a certificate may send in one call, in bytes: an enrollment has two or
/// three thousand.
const STRANGER_BYTES_MAX: usize = 64 << 10;

/// The routes of the agents' protocol.
pub fn router(service: Arc<Service>) -> axum::Router {
    let agents = AgentServiceServer::new(Agents { service })
        .max_decoding_message_size(MESSAGE_BYTES_MAX)
        .max_encoding_message_size(MESSAGE_BYTES_MAX);
    // Not through tonic's own router: that would answer all paths that nobody else does.
    axum::Router::new()
        .route_service("/insula.agent.v1.AgentService/{rpc}", agents)
        .layer(axum::middleware::map_request(bound_strangers))
}

/// A message is in memory before anybody looks at who sent it.
async fn bound_strangers(request: axum::extract::Request) -> axum::extract::Request {
    let connection = request.extensions().get::<Connection>();
    if calling_agent(connection).is_ok() {
        return request;
    }
    request.map(|body| axum::body::Body::new(Limited::new(body, STRANGER_BYTES_MAX)))
}

struct Agents {
    service: Arc<Service>,
}

impl Agents {
    /// The agent that calls, if it is still welcome.
    async fn caller<T>(&self, request: &Request<T>) -> Result<AgentIdentity, ApiError> {
        let caller = calling_agent(request.extensions().get::<Connection>())?;
        if let Some(arrival) = request.extensions().get::<Arrival>() {
            arrival.comes_from(&caller.agent);
        }
        let refuse = |sentence: &str| {
            let sentence = format!("agent {} {sentence}", caller.agent);
            ApiError::new(ErrorCode::PermissionDenied, sentence)
        };
        match self.service.store.identity(&caller.agent).await? {
            None => Err(refuse("is not known here; enroll this machine anew")),
            Some(identity) if identity.revoked_at.is_some() => Err(refuse("was revoked")),
            Some(identity) if identity.key_fingerprint != caller.key_fingerprint => Err(refuse(
                "has another key than it enrolled with; enroll this machine anew",
            )),
            Some(identity) => Ok(identity),
        }
    }
}

#[tonic::async_trait]
impl AgentService for Agents {
    type SessionStream = Answers<ToAgent>;
    type FetchModuleStream = Answers<Chunk>;
    type ReceiveInputStream = Answers<Chunk>;

    async fn enroll(
        &self,
        request: Request<EnrollRequest>,
    ) -> Result<Response<EnrollResponse>, Status> {
        Ok(Response::new(
            enroll::enroll(&self.service, request.into_inner()).await?,
        ))
    }

    async fn session(
        &self,
        request: Request<Streaming<FromAgent>>,
    ) -> Result<Response<Self::SessionStream>, Status> {
        let agent = self.caller(&request).await?;
        let messages = request.into_inner();
        let answers = session::begin(Arc::clone(&self.service), agent, messages).await?;
        Ok(Response::new(Box::pin(answers)))
    }

    async fn fetch_module(
        &self,
        request: Request<FetchModuleRequest>,
    ) -> Result<Response<Self::FetchModuleStream>, Status> {
        let agent = self.caller(&request).await?;
        let chunks = bytes::module(&self.service, &agent, request.into_inner()).await?;
        Ok(Response::new(Box::pin(chunks)))
    }

    async fn send_output(
        &self,
        request: Request<Streaming<OutputChunk>>,
    ) -> Result<Response<SendOutputResponse>, Status> {
        let agent = self.caller(&request).await?;
        bytes::output(&self.service, &agent.agent, request.into_inner()).await?;
        Ok(Response::new(SendOutputResponse {}))
    }

    async fn receive_input(
        &self,
        request: Request<ReceiveInputRequest>,
    ) -> Result<Response<Self::ReceiveInputStream>, Status> {
        let agent = self.caller(&request).await?;
        let chunks = bytes::input(
            &self.service,
            &agent.agent,
            &request.into_inner().request_id,
        )?;
        Ok(Response::new(Box::pin(chunks)))
    }
}
