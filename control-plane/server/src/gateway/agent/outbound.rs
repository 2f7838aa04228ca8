//! What goes to an agent, from the kernel and from gateways.

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

/// Carries messages until the session is cut or the connection is gone.
pub(super) async fn run(
    session: SessionId,
    mut from_kernel: Session,
    mut from_gateway: mpsc::Receiver<ServiceMessage>,
    answers: mpsc::Sender<Result<ToAgent, Status>>,
) {
    let mut taken = Vec::with_capacity(TAKEN);
    loop {
        let addressed = |epoch, message| Addressed {
            epoch,
            session: session.clone(),
            message,
        };
        let sent = tokio::select! {
            count = from_kernel.next_many(&mut taken, TAKEN) => {
                if count == 0 {
                    let over = Status::unavailable("the session was cut; register again");
                    // The connection may be gone as well.
                    let _ = answers.send(Err(over)).await;
                    return;
                }
                let mut sent = true;
                for delivered in taken.drain(..) {
                    let Some((epoch, said)) = for_agent(delivered) else { continue };
                    let over = matches!(said, Said::Disconnect { .. });
                    let message = addressed(epoch, ServiceMessage::Kernel(said));
                    sent &= answers.send(Ok(to_agent_to_wire(message))).await.is_ok();
                    if over {
                        return;
                    }
                }
                sent
            }
            Some(message) = from_gateway.recv() => {
                let message = addressed(Epoch(0), message);
                answers.send(Ok(to_agent_to_wire(message))).await.is_ok()
            }
        };
        if !sent {
            return;
        }
    }
}

fn for_agent(delivered: Delivered) -> Option<(Epoch, Said)> {
    match delivered.message {
        Message::ToAgent(said) => Some((delivered.epoch, said)),
        Message::ToFramework(_) => None,
    }
}
