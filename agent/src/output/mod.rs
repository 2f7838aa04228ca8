//! What people see of a task while it runs, and say to it: output out, input in.
//!
//! The control plane asks in the session; the answer is a call of its own beside it, so that much
//! output never stands in the way of commands. One asker's slow connection slows only that call.

mod feed;
mod read;
mod send;

use insula_proto::convert::agent::{AgentMessage, OutputRequest, Said};
use insula_proto::insula::agent::v1::agent_service_client::AgentServiceClient;
use insula_types::{LaunchId, TraceContext};
use tonic::transport::Channel;

use crate::task::{Live, Stdins};
use crate::work_dir::WorkDir;

/// Largest piece of output in one message, in bytes.
const CHUNK_BYTES: usize = 64 << 10;

/// Why a request cannot be answered, for the asker.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Failure {
    sentence: String,
    not_found: bool,
}

/// Answers requests about the tasks of this machine.
#[derive(Debug, Clone)]
pub(crate) struct Outputs {
    pub(crate) dir: WorkDir,
    pub(crate) live: Live,
    pub(crate) stdins: Stdins,
}

impl Outputs {
    /// Sends the output that was asked for until its end; what cannot be answered is the message
    /// that says so.
    pub(crate) async fn send(
        self,
        client: AgentServiceClient<Channel>,
        request: OutputRequest,
        trace: TraceContext,
    ) -> Option<Said> {
        let name = request.request.clone();
        let sent = send::send(&self, client, request, &trace).await;
        sent.err().map(|failure| failed(name, failure, trace))
    }

    /// Feeds a task with what somebody pipes into it.
    pub(crate) async fn feed(
        self,
        client: AgentServiceClient<Channel>,
        request: String,
        launch: LaunchId,
        trace: TraceContext,
    ) -> Option<Said> {
        let fed = feed::feed(&self, client, request.clone(), launch, &trace).await;
        fed.err().map(|failure| failed(request, failure, trace))
    }
}

fn failed(request: String, failure: Failure, trace: TraceContext) -> Said {
    let Failure {
        sentence,
        not_found,
    } = failure;
    let message = AgentMessage::RequestFailed {
        request,
        sentence,
        not_found,
    };
    Said { message, trace }
}
