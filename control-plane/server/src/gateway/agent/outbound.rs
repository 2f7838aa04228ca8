//! What goes to an agent, from the kernel and from gateways.

use std::time::Duration;

use insula_proto::convert::agent::{Addressed, ServiceMessage, to_agent_to_wire};
use insula_proto::insula::agent::v1::ToAgent;
use insula_types::message::{Message, ToAgent as Said};
use insula_types::{Epoch, SessionId};
use tokio::sync::mpsc;
use tonic::Status;

use crate::partition::{Delivered, Session};

/// Messages that may wait for the connection to take them, beside those in the session's own queue.
pub(super) const AHEAD_MAX: usize = 256;
/// Messages taken from the session at once.
const TAKEN: usize = 128;

/// How long a connection may refuse to take a single message. The kernel cuts a session that is too
/// far behind (rule R12); this is how an agent that is alive but does not read is found out.
const STUCK: Duration = Duration::from_secs(30);

/// What an agent's connection takes.
pub(super) type Answers = mpsc::Sender<Result<ToAgent, Status>>;

/// Carries messages until the session is cut, over, or the connection takes no more. Gives the words
/// to end it with, if there is somebody to hear them.
pub(super) async fn run(
    session: SessionId,
    mut from_kernel: Session,
    mut from_gateway: mpsc::Receiver<ServiceMessage>,
    answers: &Answers,
) -> Option<Status> {
    let mut taken = Vec::with_capacity(TAKEN);
    let addressed = |epoch, message| {
        to_agent_to_wire(Addressed {
            epoch,
            session: session.clone(),
            message,
        })
    };
    loop {
        tokio::select! {
            count = from_kernel.next_many(&mut taken, TAKEN) => {
                if count == 0 {
                    return Some(Status::unavailable("the session was cut; register again"));
                }
                for (epoch, said) in taken.drain(..).filter_map(for_agent) {
                    let over = matches!(said, Said::Disconnect { .. });
                    let message = addressed(epoch, ServiceMessage::Kernel(said));
                    if !send(answers, message).await || over {
                        return None;
                    }
                }
            }
            Some(message) = from_gateway.recv() => {
                if !send(answers, addressed(Epoch(0), message)).await {
                    return None;
                }
            }
        }
    }
}

async fn send(answers: &Answers, message: ToAgent) -> bool {
    answers.send_timeout(Ok(message), STUCK).await.is_ok()
}

fn for_agent(delivered: Delivered) -> Option<(Epoch, Said)> {
    match delivered.message {
        Message::ToAgent(said) => Some((delivered.epoch, said)),
        Message::ToFramework(_) => None,
    }
}
