//! Uploading, listing and removing Wasm modules.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use http::StatusCode;
use insula_proto::rest::{Module, ModuleKind, Page};
use insula_store::{Digest, PAGE_ROWS_MAX};
use insula_types::ErrorCode;
use serde::Deserialize;
use sha2::{Digest as _, Sha256};

use super::ApiError;
use super::body::{self, Parameters, Segments};
use crate::auth::TenantContext;
use crate::registry::{BadModule, MODULE_BYTES_MAX, inspect};
use crate::service::{Service, wall_clock};

/// Longest name, in bytes.
const NAME_BYTES_MAX: usize = 255;
/// How long an upload may take: the largest module at two megabits per second.
const ARRIVAL: Duration = Duration::from_secs(300);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PushQuery {
    #[serde(default)]
    name: String,
}

pub(super) async fn push(
    State(service): State<Arc<Service>>,
    context: TenantContext,
    Parameters(query): Parameters<PushQuery>,
    body: Body,
) -> Result<(StatusCode, Json<Module>), ApiError> {
    if query.name.len() > NAME_BYTES_MAX || query.name.chars().any(char::is_control) {
        return Err(ApiError::invalid(format!(
            "the module's name is longer than {NAME_BYTES_MAX} bytes or has control characters"
        )));
    }
    let _place = service.uploads.try_acquire().map_err(|_| {
        let sentence = "as many modules as possible are being uploaded; try again in a moment";
        ApiError::new(ErrorCode::ResourceExhausted, sentence)
    })?;
    let bytes = body::read(body, "the module", MODULE_BYTES_MAX, ARRIVAL).await?;
    // Validation takes milliseconds per megabyte: too long for a thread that serves others.
    let checked = tokio::task::spawn_blocking(move || {
        let kind = inspect(&bytes)?;
        let digest: [u8; 32] = Sha256::digest(&bytes).into();
        Ok::<_, BadModule>((kind, Digest::from(digest), bytes))
    });
    let (kind, digest, bytes) = checked
        .await
        .map_err(|error| ApiError::internal("check a module", &error))?
        .map_err(|error| ApiError::invalid(error.to_string()))?;
    let existed = service
        .store
        .module(&context.tenant, &digest)
        .await?
        .is_some();
    let mut upload = service.store.upload(bytes.len() as u64).await?;
    upload.write(&bytes).await?;
    let kept = upload
        .keep(&context.tenant, &query.name, stored(kind), wall_clock())
        .await?;
    Ok((
        StatusCode::CREATED,
        Json(Module {
            existed,
            ..shown(&kept)
        }),
    ))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ListQuery {
    cursor: Option<String>,
}

pub(super) async fn list(
    State(service): State<Arc<Service>>,
    context: TenantContext,
    Parameters(query): Parameters<ListQuery>,
) -> Result<Json<Page<Module>>, ApiError> {
    let after = query.cursor.as_deref().map(parse).transpose()?;
    let modules = service
        .store
        .list_modules(&context.tenant, after.as_ref(), PAGE_ROWS_MAX)
        .await?;
    let full = modules.len() == PAGE_ROWS_MAX;
    let next = if full {
        modules.last().map(|module| module.digest.to_string())
    } else {
        None
    };
    Ok(Json(Page {
        items: modules.iter().map(shown).collect(),
        next,
    }))
}

pub(super) async fn remove(
    State(service): State<Arc<Service>>,
    context: TenantContext,
    Segments(digest): Segments<String>,
) -> Result<StatusCode, ApiError> {
    let digest = parse(&digest)?;
    if service
        .store
        .remove_module(&context.tenant, &digest)
        .await?
    {
        return Ok(StatusCode::NO_CONTENT);
    }
    Err(ApiError::not_found(format!("there is no module {digest}")))
}

/// Reads a digest that a client sent.
pub(super) fn parse(text: &str) -> Result<Digest, ApiError> {
    text.parse()
        .map_err(|error: insula_store::NotADigest| ApiError::invalid(error.to_string()))
}

fn shown(module: &insula_store::Module) -> Module {
    let kind = match module.kind {
        insula_store::ModuleKind::Core => ModuleKind::Core,
        insula_store::ModuleKind::Component => ModuleKind::Component,
    };
    Module {
        digest: module.digest.to_string(),
        name: module.name.clone(),
        kind,
        size: module.bytes,
        uploaded_at: module.created_at.0,
        existed: true,
    }
}

fn stored(kind: ModuleKind) -> insula_store::ModuleKind {
    match kind {
        ModuleKind::Core => insula_store::ModuleKind::Core,
        ModuleKind::Component => insula_store::ModuleKind::Component,
    }
}
