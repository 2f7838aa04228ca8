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
use insula_proto::convert::agent::MESSAGE_BYTES_MAX;
use insula_proto::insula::agent::v1::agent_service_server::{AgentService, AgentServiceServer};
use insula_proto::insula::agent::v1::{
    Chunk, EnrollRequest, EnrollResponse, FetchModuleRequest, FromAgent, OutputChunk,
    ReceiveInputRequest, SendOutputResponse, ToAgent,
};
use insula_types::{AgentId, ErrorCode};
use tonic::{Request, Response, Status, Streaming};

use super::ApiError;
use crate::auth::calling_agent;
use crate::front::Connection;
use crate::service::Service;

pub use enroll::make_token;

type Answers<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

/// The routes of the agents' protocol.
pub fn router(service: Arc<Service>) -> axum::Router {
    let agents = AgentServiceServer::new(Agents { service })
        .max_decoding_message_size(MESSAGE_BYTES_MAX)
        .max_encoding_message_size(MESSAGE_BYTES_MAX);
    tonic::service::Routes::new(agents).into_axum_router()
}

struct Agents {
    service: Arc<Service>,
}

impl Agents {
    /// The agent that calls, if it is still welcome.
    async fn caller<T>(&self, request: &Request<T>) -> Result<AgentId, ApiError> {
        let agent = calling_agent(request.extensions().get::<Connection>())?;
        let refuse = |sentence: &str| {
            ApiError::new(
                ErrorCode::PermissionDenied,
                format!("agent {agent} {sentence}"),
            )
        };
        match self.service.store.identity(&agent).await? {
            None => Err(refuse("is not known here; enroll this machine anew")),
            Some(identity) if identity.revoked_at.is_some() => Err(refuse("was revoked")),
            Some(_) => Ok(agent),
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
        bytes::output(&self.service, &agent, request.into_inner()).await?;
        Ok(Response::new(SendOutputResponse {}))
    }

    async fn receive_input(
        &self,
        request: Request<ReceiveInputRequest>,
    ) -> Result<Response<Self::ReceiveInputStream>, Status> {
        let agent = self.caller(&request).await?;
        let chunks = bytes::input(&self.service, &agent, &request.into_inner().request_id)?;
        Ok(Response::new(Box::pin(chunks)))
    }
}
