//! The call `ReceiveInput`.

use std::time::Duration;

use insula_proto::insula::agent::v1::ReceiveInputRequest;
use insula_proto::insula::agent::v1::agent_service_client::AgentServiceClient;
use insula_types::{LaunchId, TraceContext};
use tokio::io::AsyncWriteExt as _;
use tokio::net::unix::pipe;
use tokio::time::{Instant, sleep};
use tonic::transport::Channel;

use super::{Failure, Outputs};
use crate::session::traced;

/// How long a request for input may come before the launch that it is for: the request overtakes
/// the launch only by the write of the journal.
const LAUNCH_COMES_WITHIN: Duration = Duration::from_secs(10);
const LOOK_AGAIN: Duration = Duration::from_millis(20);

pub(super) async fn feed(
    outputs: &Outputs,
    mut client: AgentServiceClient<Channel>,
    request: String,
    launch: LaunchId,
    trace: &TraceContext,
) -> Result<(), Failure> {
    let mut stdin = writing_end(outputs, launch).await?;
    let call = client
        .receive_input(traced(
            ReceiveInputRequest {
                request_id: request,
            },
            trace,
        ))
        .await;
    let mut input = match call {
        Ok(response) => response.into_inner(),
        Err(status) => return Err(broken(&status)),
    };
    while let Some(chunk) = input.message().await.map_err(|status| broken(&status))? {
        if !write(outputs, launch, &mut stdin, &chunk.data).await {
            return Ok(());
        }
    }
    // Until the task has opened its end, closing ours would throw away what is in between.
    while outputs.live.is_starting(launch) {
        sleep(LOOK_AGAIN).await;
    }
    Ok(())
}

async fn writing_end(outputs: &Outputs, launch: LaunchId) -> Result<pipe::Sender, Failure> {
    let deadline = Instant::now() + LAUNCH_COMES_WITHIN;
    loop {
        if let Some(stdin) = outputs.stdins.take(launch) {
            return Ok(stdin);
        }
        if Instant::now() >= deadline {
            return Err(Failure {
                sentence: "the task does not wait for input, or is fed already".to_owned(),
                not_found: !outputs.live.contains(launch),
            });
        }
        sleep(LOOK_AGAIN).await;
    }
}

/// Whether the task is still there to read more. A task that does not read fills its pipe, and then
/// only its end lets us go.
async fn write(outputs: &Outputs, launch: LaunchId, stdin: &mut pipe::Sender, data: &[u8]) -> bool {
    let writing = stdin.write_all(data);
    tokio::pin!(writing);
    loop {
        tokio::select! {
            written = &mut writing => return written.is_ok(),
            () = sleep(LOOK_AGAIN), if outputs.live.contains(launch) => {}
            else => return false,
        }
        if !outputs.live.contains(launch) {
            return false;
        }
    }
}

fn broken(status: &tonic::Status) -> Failure {
    Failure {
        sentence: format!("the input was broken off: {}", status.message()),
        not_found: false,
    }
}
