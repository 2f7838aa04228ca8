//! The documents that tools poll: what a Mesos master showed before it had an event stream.
//!
//! They are put together from the rows, a page at a time (rule R13), with what only the live kernel
//! knows laid over them: sessions, offers, who uses how much. A document of any length is written in
//! pieces as it is read, so that it needs little memory however large the cell is. Pages are of one
//! snapshot each, and later pages of later ones: a task may have moved on in between.

mod agents;
mod fixed;
mod frameworks;
mod live;
mod metrics;
mod parameters;
mod resources;
mod state;
mod tasks;
mod writer;

use std::sync::Arc;

use axum::response::Response;
use http::Uri;
use insula_store::Store;
use insula_types::{CellId, TenantId};

pub(super) use fixed::{redirect, version};
pub(super) use metrics::metrics;

use self::live::Live;
use self::parameters::Parameters;
use self::writer::Writer;
use super::refusal::Refusal;
use super::{Master, MesosState};
use crate::auth::TenantContext;
use crate::partition::Unavailable;

/// Which document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Document {
    /// `/state`: everything.
    State,
    /// `/tasks`: a page of tasks.
    Tasks,
    /// `/slaves`: the agents.
    Agents,
    /// `/frameworks`: the frameworks with their tasks.
    Frameworks,
}

/// What a document is read from.
struct Source {
    store: Store,
    cell: CellId,
    tenant: TenantId,
    master: Arc<Master>,
    live: Live,
}

/// Answers with a document, as far as the tenant may see it.
pub(super) async fn document(
    state: &MesosState,
    context: TenantContext,
    document: Document,
    uri: &Uri,
) -> Result<Response, Refusal> {
    let parameters = Parameters::of(uri)?;
    let source = Source {
        store: state.store.clone(),
        cell: context.cell.cell().clone(),
        live: live(&context, document).await?,
        tenant: context.tenant,
        master: Arc::clone(&state.master),
    };
    writer::respond(|writer| write(source, document, parameters, writer)).await
}

/// What the kernel adds to a document; nothing to one that comes from the rows alone, and that any
/// replica can answer therefore.
async fn live(context: &TenantContext, document: Document) -> Result<Live, Unavailable> {
    match document {
        Document::Tasks => Ok(Live::default()),
        Document::State | Document::Agents | Document::Frameworks => {
            Live::of(&context.cell, &context.tenant).await
        }
    }
}

/// Writes a document to its end, or until its reader is gone.
async fn write(source: Source, document: Document, parameters: Parameters, mut out: Writer) {
    let written = match document {
        Document::State => state::write(&source, &mut out).await,
        Document::Tasks => tasks::write(&source, &parameters, &mut out).await,
        Document::Agents => agents::write(&source, &parameters, &mut out).await,
        Document::Frameworks => frameworks::write(&source, &parameters, &mut out).await,
    };
    out.finish(written).await;
}
