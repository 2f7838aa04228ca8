//! The connection to the control plane: dialled out, kept up, opened again.
//!
//! A session is one call of `AgentService.Session`. Its nonce is made here, new each time; the
//! driver registers in it, and whatever the control plane says in it goes to the driver. Nothing is
//! kept between sessions: what was not acknowledged is in the core and is sent again.
//!
//! A session is a trace of its own, begun when the agent dials: what is said in it and is about no
//! task belongs to it.

mod backoff;
pub(crate) mod connect;
mod conversation;
mod traced;

use std::time::Duration;

use insula_proto::convert::agent::MESSAGE_BYTES_MAX;
use insula_proto::insula::agent::v1::agent_service_client::AgentServiceClient;
use insula_telemetry::metrics::labels::Answered;
use insula_telemetry::names::{key, span};
use insula_telemetry::{Kind, Span};
use insula_types::AgentId;
use rustls::ClientConfig;
use tokio::sync::watch;
use tokio::time::Instant;
use tonic::transport::Channel;

use crate::driver::Handle;
use crate::error::sentence;
use crate::figures::Figures;
use crate::output::Outputs;
use backoff::{Backoff, LASTING};

pub(crate) use conversation::Outbound;
pub(crate) use traced::traced;

/// A client of the service while there is a session.
pub(crate) type Service = watch::Receiver<Option<AgentServiceClient<Channel>>>;

/// What it takes to hold sessions.
#[derive(Debug)]
pub(crate) struct Sessions {
    agent: AgentId,
    address: String,
    tls: ClientConfig,
    keep_alive: Duration,
    driver: Handle,
    outputs: Outputs,
    figures: Figures,
    service: watch::Sender<Option<AgentServiceClient<Channel>>>,
}

/// How a session ended, for the log.
#[derive(Debug, thiserror::Error)]
enum Ended {
    #[error("cannot connect to {address}")]
    Connect {
        address: String,
        #[source]
        source: tonic::transport::Error,
    },
    #[error("the control plane ended the session")]
    ByService,
    #[error("the control plane refused the session: {}", .0.message())]
    Refused(Box<tonic::Status>),
    #[error("the control plane sends what this agent does not understand")]
    Protocol(#[from] insula_proto::convert::agent::AgentProtocolError),
    #[error("the agent stops")]
    Stopping,
    #[error("the agent cut the session")]
    Cut,
}

impl Sessions {
    pub(crate) fn new(
        agent: AgentId,
        address: String,
        tls: ClientConfig,
        keep_alive: Duration,
        driver: Handle,
        outputs: Outputs,
        figures: Figures,
    ) -> (Self, Service) {
        let (service, watched) = watch::channel(None);
        (
            Self {
                agent,
                address,
                tls,
                keep_alive,
                driver,
                outputs,
                figures,
                service,
            },
            watched,
        )
    }

    /// Holds one session after the other, until the driver is gone.
    pub(crate) async fn run(self) {
        let mut backoff = Backoff::default();
        loop {
            let began = Instant::now();
            let ended = self.hold_one().await;
            self.service.send_replace(None);
            if matches!(ended, Ended::Stopping) {
                return;
            }
            if began.elapsed() >= LASTING {
                backoff = Backoff::default();
            }
            let wait = backoff.next();
            tracing::warn!(
                address = self.address,
                retry_in_ms = wait.as_millis(),
                "{}",
                sentence(&ended)
            );
            tokio::time::sleep(wait).await;
        }
    }

    async fn hold_one(&self) -> Ended {
        let mut session = Span::root(span::AGENT_SESSION, Kind::Client)
            .with(key::AGENT, self.agent.to_string())
            .with(key::SERVER_ADDRESS, self.address.clone());
        let channel = match connect::channel(&self.address, self.tls.clone(), self.keep_alive).await
        {
            Ok(channel) => channel,
            Err(source) => {
                let ended = Ended::Connect {
                    address: self.address.clone(),
                    source,
                };
                session.fail("connect", &sentence(&ended));
                self.figures.session(Answered::Failed);
                return ended;
            }
        };
        let client = AgentServiceClient::new(channel)
            .max_decoding_message_size(MESSAGE_BYTES_MAX)
            .max_encoding_message_size(MESSAGE_BYTES_MAX);
        self.service.send_replace(Some(client.clone()));
        conversation::hold(client, session, self).await
    }
}
