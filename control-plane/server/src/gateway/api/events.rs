//! What happened, a line of JSON per event.

use std::io;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use bytes::{BufMut, Bytes, BytesMut};
use futures::{StreamExt, TryStreamExt, stream};
use http::header::CONTENT_TYPE;
use insula_types::TenantId;
use serde::Deserialize;
use tokio_stream::wrappers::BroadcastStream;

use super::ApiError;
use super::body::Parameters;
use crate::auth::TenantContext;
use crate::events::Seen;
use crate::service::Service;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct EventsQuery {
    #[serde(default)]
    tail: usize,
    #[serde(default)]
    follow: bool,
}

pub(super) async fn events(
    State(service): State<Arc<Service>>,
    context: TenantContext,
    Parameters(query): Parameters<EventsQuery>,
) -> Result<Response, ApiError> {
    let (past, live) = service.events.of(&context.cell)?.watch(query.tail);
    let (tenant, cell) = (context.tenant, context.cell);
    let past = stream::iter(past.into_iter().map(Ok));
    let lines = if query.follow {
        let live = BroadcastStream::new(live).map_err(io::Error::other);
        let until_moved = live.take_until(cell.moved());
        // A watcher must not believe that this was the end.
        let moved = stream::iter([Err(io::Error::other("another replica serves the cell now"))]);
        let live = until_moved
            .chain(moved)
            .take_until(service.stopping.ending());
        past.chain(live).boxed()
    } else {
        past.boxed()
    };
    let lines = lines.filter_map(move |seen| {
        let line = match seen {
            Ok(seen) => may_see(&tenant, &seen).then(|| line(&seen)),
            // Nor must one that cannot keep up believe that it saw everything.
            Err(missed) => Some(Err(missed)),
        };
        std::future::ready(line)
    });
    let body = Body::from_stream(lines);
    Ok(([(CONTENT_TYPE, "application/x-ndjson")], body).into_response())
}

/// Whether a tenant may know of an event.
pub(super) fn may_see(tenant: &TenantId, seen: &Seen) -> bool {
    seen.tenant.as_ref().is_none_or(|owner| owner == tenant)
}

fn line(seen: &Seen) -> io::Result<Bytes> {
    let mut line = BytesMut::with_capacity(256).writer();
    serde_json::to_writer(&mut line, &seen.event)?;
    let mut line = line.into_inner();
    line.put_u8(b'\n');
    Ok(line.freeze())
}
