//! Trading a join token for a certificate.

use insula_proto::JoinToken;
use insula_proto::insula::agent::v1::EnrollRequest;
use insula_proto::insula::agent::v1::agent_service_client::AgentServiceClient;
use insula_types::{AgentId, CheckpointId};
use rcgen::{CertificateParams, KeyPair};
use uuid::Uuid;

use super::file::Enrolled;
use super::{Error, Identity, tls};
use crate::session::connect;

/// Gets an identity for this machine under a random checkpoint id. Nothing is written.
pub(crate) async fn enroll(token: &JoinToken, hostname: &str) -> Result<Identity, Error> {
    let address = token.address.clone();
    let key = KeyPair::generate().map_err(Error::Key)?;
    let request = CertificateParams::new(Vec::new())
        .and_then(|params| params.serialize_request(&key))
        .map_err(Error::Key)?;
    let checkpoint: CheckpointId = Uuid::new_v4().to_string().into();

    let tls = tls::anonymous(token.fingerprint).map_err(Error::Certificate)?;
    let channel = connect::channel(&address, tls)
        .await
        .map_err(|source| Error::Connect {
            address: address.clone(),
            source,
        })?;
    let answer = AgentServiceClient::new(channel)
        .enroll(EnrollRequest {
            secret: token.secret.clone(),
            certificate_request: request.der().to_vec().into(),
            checkpoint_id: checkpoint.to_string(),
            hostname: hostname.to_owned(),
            agent_version: crate::VERSION.to_owned(),
        })
        .await
        .map_err(|status| Error::Refused {
            address: address.clone(),
            sentence: status.message().to_owned(),
        })?
        .into_inner();

    let agent = AgentId::new(&answer.agent_id).map_err(|source| Error::Answer {
        address: address.clone(),
        source,
    })?;
    let enrolled = Enrolled {
        agent,
        cell: answer.cell,
        checkpoint,
        certificate: answer.certificate.to_vec(),
        authority: answer.authority.to_vec(),
        key: key.serialize_der(),
    };
    Ok(Identity::new(enrolled, address, token.fingerprint))
}
