//! The call `SendOutput`.

use std::path::PathBuf;

use futures::StreamExt as _;
use futures::{future, stream};
use insula_proto::convert::agent::OutputRequest;
use insula_proto::insula::agent::v1::OutputChunk;
use insula_proto::insula::agent::v1::agent_service_client::AgentServiceClient;
use insula_types::TraceContext;
use tokio::sync::{mpsc, oneshot};
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::Channel;

use super::read::{Piece, Wanted, read};
use super::{Failure, Outputs};
use crate::session::traced;

/// Pieces read ahead of a slow asker: a few, since each is 64 KiB of memory.
const PIECES_AHEAD: usize = 4;

pub(super) async fn send(
    outputs: &Outputs,
    mut client: AgentServiceClient<Channel>,
    request: OutputRequest,
    trace: &TraceContext,
) -> Result<(), Failure> {
    let path = find(outputs, &request)?;
    let (pieces, ahead) = mpsc::channel(PIECES_AHEAD);
    let wanted = Wanted {
        path: &path,
        launch: request.launch,
        start: request.start,
        follow: request.follow,
    };
    let named = OutputChunk {
        request_id: request.request,
        ..OutputChunk::default()
    };
    let (all_was_read, whole) = oneshot::channel();
    let chunks = stream::iter([named])
        .chain(ReceiverStream::new(ahead).map(chunk))
        .chain(stream::once(whole).filter_map(|whole| future::ready(whole.ok().map(last))));
    let reading = async move {
        let result = read(&wanted, &outputs.live, &pieces).await;
        if result.is_ok() {
            // Nobody has to be told who is gone.
            let _ = all_was_read.send(());
        }
        drop(pieces);
        result
    };
    // The control plane ends the call when nobody reads any more; the receiver is then gone.
    let (read, answer) = tokio::join!(reading, client.send_output(traced(chunks, trace)));
    if let Err(status) = answer {
        tracing::debug!(%status, "an output call ended");
    }
    read.map_err(|error| Failure {
        sentence: format!("the output {} cannot be read: {error}", path.display()),
        not_found: false,
    })
}

fn find(outputs: &Outputs, request: &OutputRequest) -> Result<PathBuf, Failure> {
    let sandbox = outputs.dir.sandbox(request.launch);
    if !outputs.live.contains(request.launch) && !sandbox.exists() {
        return Err(Failure {
            sentence: "the agent has no output of this task any more".to_owned(),
            not_found: true,
        });
    }
    Ok(sandbox.join(request.output.as_str()))
}

fn chunk(piece: Piece) -> OutputChunk {
    OutputChunk {
        data: piece.data,
        offset: piece.offset,
        ..OutputChunk::default()
    }
}

/// Tells output that is whole from a call that broke off.
fn last((): ()) -> OutputChunk {
    OutputChunk {
        last: true,
        ..OutputChunk::default()
    }
}
