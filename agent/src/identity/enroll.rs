//! Trading a join token for a certificate.

use std::path::Path;

use insula_proto::JoinToken;
use insula_proto::insula::agent::v1::EnrollRequest;
use insula_proto::insula::agent::v1::agent_service_client::AgentServiceClient;
use insula_types::{AgentId, TraceContext};
use rcgen::CertificateParams;

use super::file::Enrolled;
use super::joining::Joining;
use super::{Error, Identity, tls};
use crate::session::{connect, traced};

/// Gets an identity for this machine under a random checkpoint id. What it asks with is kept at the
/// path `joining`, until the caller has kept the identity and removes it. `trace` is that of the
/// agent's life.
pub(crate) async fn enroll(
    token: &JoinToken,
    hostname: &str,
    joining: &Path,
    trace: &TraceContext,
) -> Result<Identity, Error> {
    let address = token.address.clone();
    let (joining, key) = Joining::begin(joining)?;
    let request = CertificateParams::new(Vec::new())
        .and_then(|params| params.serialize_request(&key))
        .map_err(Error::Key)?;
    let tls = tls::anonymous(token.fingerprint).map_err(Error::Certificate)?;
    let channel = connect::channel(&address, tls, connect::KEEP_ALIVE)
        .await
        .map_err(|source| Error::Connect {
            address: address.clone(),
            source,
        })?;
    let answer = AgentServiceClient::new(channel)
        .enroll(traced(
            EnrollRequest {
                secret: token.secret.clone(),
                certificate_request: request.der().to_vec().into(),
                checkpoint_id: joining.checkpoint.to_string(),
                hostname: hostname.to_owned(),
                agent_version: crate::VERSION.to_owned(),
            },
            trace,
        ))
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
        checkpoint: joining.checkpoint,
        certificate: answer.certificate.to_vec(),
        authority: answer.authority.to_vec(),
        key: key.serialize_der(),
    };
    Ok(Identity::new(enrolled, address, token.fingerprint))
}
