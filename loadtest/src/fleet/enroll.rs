//! An agent joins: it trades the token for an id and a certificate.

use insula_proto::JoinToken;
use insula_proto::insula::agent::v1::EnrollRequest;
use insula_proto::insula::agent::v1::agent_service_client::AgentServiceClient;
use insula_types::CheckpointId;
use rcgen::{CertificateParams, KeyPair};
use uuid::Uuid;

use super::trust::{self, Certified};
use super::{Error, channel};

/// Who an agent is once it has joined; its id stands in its certificate, where the service reads it.
#[derive(Debug, Clone)]
pub(super) struct Identity {
    pub(super) checkpoint: CheckpointId,
    pub(super) hostname: String,
    pub(super) fingerprint: [u8; 32],
    pub(super) certified: Certified,
}

/// Joins as the machine of that number, through a door of the control plane.
///
/// # Errors
/// If the service cannot be reached or refuses the token.
pub(super) async fn enroll(token: &JoinToken, door: &str, number: u32) -> Result<Identity, Error> {
    let key = KeyPair::generate()?;
    let request = CertificateParams::new(Vec::new())?.serialize_request(&key)?;
    let checkpoint = Uuid::new_v4().to_string();
    let hostname = format!("fleet-{number}");
    let tls = trust::tls(token.fingerprint, None)?;
    let channel = channel::open(door, tls).await?;
    let answer = AgentServiceClient::new(channel)
        .enroll(EnrollRequest {
            secret: token.secret.clone(),
            certificate_request: request.der().to_vec().into(),
            checkpoint_id: checkpoint.clone(),
            hostname: hostname.clone(),
            agent_version: env!("CARGO_PKG_VERSION").to_owned(),
        })
        .await
        .map_err(|status| Error::Refused(status.message().to_owned()))?
        .into_inner();
    Ok(Identity {
        checkpoint: checkpoint.into(),
        hostname,
        fingerprint: token.fingerprint,
        certified: Certified {
            certificate: answer.certificate.to_vec(),
            authority: answer.authority.to_vec(),
            key: key.serialize_der(),
        },
    })
}
