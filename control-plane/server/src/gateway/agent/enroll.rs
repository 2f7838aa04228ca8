//! Joining: a token and a signing request for an agent id and a certificate.

use std::time::SystemTime;

use insula_proto::insula::agent::v1::{EnrollRequest, EnrollResponse};
use insula_proto::join_token::JoinToken;
use insula_store::{Admission, AgentIdentity, EnrollmentToken, Store};
use insula_types::{AgentId, CellId, CheckpointId, ErrorCode, Span, Time};
use sha2::{Digest, Sha256};
use uuid::Uuid;
use x509_parser::prelude::{FromDer, X509Certificate};

use super::ApiError;
use crate::service::{Reached, Service, wall_clock};

/// Longest signing request, in bytes: one with a key of 4096 bits and names of its own fits thrice.
const REQUEST_BYTES_MAX: usize = 8 << 10;

/// Makes a token that lets `uses` machines join a cell until `life` is over, and says when that is.
/// The secret is in the returned token and, as a hash, in the store; nowhere else.
///
/// # Errors
/// What the store says.
pub async fn make_token(
    store: &Store,
    cell: &CellId,
    reached: &Reached,
    uses: u32,
    life: Span,
) -> Result<(JoinToken, Time), insula_store::Error> {
    let secret = format!("{}{}", Uuid::new_v4().simple(), Uuid::new_v4().simple());
    let now = wall_clock();
    let expires_at = now + life;
    let token = EnrollmentToken {
        hash: hash(&secret),
        cell: cell.clone(),
        uses_max: uses,
        used: 0,
        created_at: now,
        expires_at,
    };
    store.add_token(&token).await?;
    let Reached {
        address,
        fingerprint,
    } = reached.clone();
    Ok((
        JoinToken {
            address,
            fingerprint,
            secret,
        },
        expires_at,
    ))
}

pub(super) async fn enroll(
    service: &Service,
    request: EnrollRequest,
) -> Result<EnrollResponse, ApiError> {
    if request.certificate_request.len() > REQUEST_BYTES_MAX {
        return Err(ApiError::invalid(
            "the certificate signing request is too long",
        ));
    }
    let checkpoint = CheckpointId::new(&request.checkpoint_id)
        .map_err(|error| ApiError::invalid(format!("the checkpoint id is not valid: {error}")))?;
    let hash = hash(&request.secret);
    // The cell is the token's; an unknown token is refused with the same words whatever it is.
    let token = service
        .store
        .token(&hash)
        .await?
        .ok_or_else(|| refused(Admission::Unknown))?;
    let (agent, certificate) = admit(service, &request, &token, &checkpoint).await?;
    tracing::info!(%agent, hostname = request.hostname, "agent enrolled");
    Ok(EnrollResponse {
        agent_id: agent.to_string(),
        cell: token.cell.to_string(),
        certificate: certificate.into(),
        authority: service.organization.certificate().to_vec().into(),
    })
}

/// Signs the machine's key under a new id; or, if it has joined before and the answer was lost, under
/// the one that it was given then.
async fn admit(
    service: &Service,
    request: &EnrollRequest,
    token: &EnrollmentToken,
    checkpoint: &CheckpointId,
) -> Result<(AgentId, Vec<u8>), ApiError> {
    let mut agent = AgentId::from(Uuid::new_v4().to_string());
    loop {
        let certificate = service
            .organization
            .sign_agent(&request.certificate_request, &agent, SystemTime::now())
            .map_err(|error| ApiError::invalid(error.to_string()))?;
        let identity = identity(&agent, &token.cell, checkpoint.clone(), &certificate)?;
        let store = &service.store;
        match store.admit(&token.hash, &identity, wall_clock()).await? {
            Admission::Admitted => return Ok((agent, certificate.to_vec())),
            // A machine keeps its id, so there is no third time.
            Admission::Joined(before) => agent = before,
            refusal => return Err(refused(refusal)),
        }
    }
}

fn hash(secret: &str) -> [u8; 32] {
    Sha256::digest(secret.as_bytes()).into()
}

fn identity(
    agent: &AgentId,
    cell: &CellId,
    checkpoint: CheckpointId,
    certificate: &[u8],
) -> Result<AgentIdentity, ApiError> {
    let (_, parsed) = X509Certificate::from_der(certificate)
        .map_err(|error| ApiError::internal("read a certificate that it just made", &error))?;
    let expires = parsed.validity().not_after.timestamp();
    let expires = Span::from_secs(u64::try_from(expires).unwrap_or(0));
    Ok(AgentIdentity {
        agent: agent.clone(),
        cell: cell.clone(),
        checkpoint,
        key_fingerprint: Sha256::digest(parsed.public_key().raw).into(),
        certificate_serial: parsed.raw_serial().to_vec(),
        certificate_expires_at: Time(expires.0),
        enrolled_at: wall_clock(),
        revoked_at: None,
    })
}

fn refused(admission: Admission) -> ApiError {
    if admission == Admission::Revoked {
        let sentence =
            "this machine's agent was revoked; wipe its work directory to join as a new one";
        return ApiError::new(ErrorCode::PermissionDenied, sentence);
    }
    let sentence = match admission {
        Admission::UsedUp => "the join token has been used already",
        Admission::Expired => "the join token has expired",
        _ => "the join token is not known here",
    };
    ApiError::new(
        ErrorCode::PermissionDenied,
        format!("{sentence}; ask for a new one"),
    )
}
