//! Fetching a module from the control plane.

use std::path::{Path, PathBuf};
use std::time::Duration;

use insula_proto::insula::agent::v1::FetchModuleRequest;
use insula_proto::insula::agent::v1::agent_service_client::AgentServiceClient;
use insula_proto::join_token::hex_of_bytes;
use insula_types::{TenantId, TraceContext};
use sha2::{Digest, Sha256};
use tokio::fs::{self, File};
use tokio::io::AsyncWriteExt as _;
use tokio::time::timeout;
use tonic::transport::Channel;
use tonic::{Code, Status};

use crate::session::{Service, traced};

/// The compiler takes no longer ones either.
const MODULE_BYTES_MAX: u64 = 64 << 20;
const ATTEMPTS: u32 = 4;
/// Before the second attempt; then twice as long, and so on.
const TRY_AGAIN: Duration = Duration::from_millis(500);
/// How long a launch waits for a connection to come back.
const CONNECTED_WITHIN: Duration = Duration::from_secs(60);
/// A stream in which nothing comes for this long is broken.
const NEXT_CHUNK_WITHIN: Duration = Duration::from_secs(30);

/// What went wrong, and whether it may go well another time.
struct Failure {
    sentence: String,
    is_final: bool,
}

/// Fetches the module into a file of `dir` and returns its path; its content is that of the digest.
///
/// # Errors
/// A sentence.
pub(super) async fn fetch(
    mut service: Service,
    digest: &str,
    tenant: &TenantId,
    trace: &TraceContext,
    dir: &Path,
) -> Result<PathBuf, String> {
    let mut wait = TRY_AGAIN;
    let mut attempt = 1;
    loop {
        match try_fetch(&mut service, digest, tenant, trace, dir).await {
            Ok(path) => return Ok(path),
            Err(failure) if failure.is_final || attempt == ATTEMPTS => {
                return Err(format!(
                    "the module cannot be fetched: {}",
                    failure.sentence
                ));
            }
            Err(failure) => {
                let trace_id = trace.trace_id_text();
                tracing::warn!(
                    digest,
                    trace_id,
                    failure.sentence,
                    "fetching a module again"
                );
            }
        }
        tokio::time::sleep(wait).await;
        wait *= 2;
        attempt += 1;
    }
}

async fn try_fetch(
    service: &mut Service,
    digest: &str,
    tenant: &TenantId,
    trace: &TraceContext,
    dir: &Path,
) -> Result<PathBuf, Failure> {
    let mut client = connected(service).await?;
    let request = FetchModuleRequest {
        digest: format!("sha256:{digest}"),
        tenant: tenant.to_string(),
    };
    let mut chunks = client
        .fetch_module(traced(request, trace))
        .await
        .map_err(refused)?
        .into_inner();
    // Written under another name, so that a file of the right name is always whole.
    let part = dir.join(format!("{digest}.part"));
    let mut file = File::create(&part)
        .await
        .map_err(|error| on_disk(&part, &error))?;
    let (mut hash, mut length) = (Sha256::new(), 0_u64);
    loop {
        let chunk = timeout(NEXT_CHUNK_WITHIN, chunks.message())
            .await
            .map_err(|_elapsed| again("the connection stands still".to_owned()))?
            .map_err(refused)?;
        let Some(chunk) = chunk else { break };
        length += chunk.data.len() as u64;
        if length > MODULE_BYTES_MAX {
            return Err(never(format!(
                "it is longer than {} MiB",
                MODULE_BYTES_MAX >> 20
            )));
        }
        hash.update(&chunk.data);
        file.write_all(&chunk.data)
            .await
            .map_err(|error| on_disk(&part, &error))?;
    }
    file.flush().await.map_err(|error| on_disk(&part, &error))?;
    if hex_of_bytes(&hash.finalize().into()) != digest {
        return Err(again("what came is not what was asked for".to_owned()));
    }
    let path = dir.join(format!("{digest}.wasm"));
    fs::rename(&part, &path)
        .await
        .map_err(|error| on_disk(&path, &error))?;
    Ok(path)
}

async fn connected(service: &mut Service) -> Result<AgentServiceClient<Channel>, Failure> {
    let waiting = service.wait_for(Option::is_some);
    match timeout(CONNECTED_WITHIN, waiting).await {
        Ok(Ok(client)) => client
            .clone()
            .ok_or_else(|| again("not connected".to_owned())),
        Ok(Err(_)) => Err(never("the agent stops".to_owned())),
        Err(_elapsed) => Err(never(
            "there is no connection to the control plane".to_owned(),
        )),
    }
}

fn refused(status: Status) -> Failure {
    let is_final = matches!(
        status.code(),
        Code::NotFound | Code::PermissionDenied | Code::InvalidArgument | Code::Unimplemented
    );
    Failure {
        sentence: status.message().to_owned(),
        is_final,
    }
}

fn on_disk(path: &Path, error: &std::io::Error) -> Failure {
    again(format!("cannot write {}: {error}", path.display()))
}

fn again(sentence: String) -> Failure {
    Failure {
        sentence,
        is_final: false,
    }
}

fn never(sentence: String) -> Failure {
    Failure {
        sentence,
        is_final: true,
    }
}
