//! Acknowledges updates until each is taken. Those of a task come one after another: the next only when
//! the one before is acknowledged.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::sleep;

use super::Shared;
use crate::history::{Answer, Seen};

/// Acknowledgements under way at a time.
const AT_A_TIME: usize = 8;
/// Pause before an acknowledgement is sent again.
const AGAIN: Duration = Duration::from_millis(100);

/// An update that is to be acknowledged.
#[derive(Debug)]
pub(super) struct Unacknowledged {
    pub(super) task: String,
    pub(super) agent: String,
    pub(super) uuid: String,
}

/// Bounded by what the control plane sends: one update per task and stream of events.
pub(super) type Queue = mpsc::UnboundedSender<Unacknowledged>;

pub(super) fn queue() -> (Queue, mpsc::UnboundedReceiver<Unacknowledged>) {
    mpsc::unbounded_channel()
}

pub(super) async fn run(shared: Arc<Shared>, mut updates: mpsc::UnboundedReceiver<Unacknowledged>) {
    let mut under_way = JoinSet::new();
    while let Some(update) = updates.recv().await {
        if under_way.len() >= AT_A_TIME {
            under_way.join_next().await;
        }
        let shared = Arc::clone(&shared);
        under_way.spawn(async move {
            while !acknowledge(&shared, &update).await {
                sleep(AGAIN).await;
            }
        });
    }
}

/// Whether it was taken. Acknowledging twice is harmless, so an unknown outcome is tried again.
async fn acknowledge(shared: &Shared, update: &Unacknowledged) -> bool {
    let Unacknowledged { task, agent, uuid } = update;
    let Some(session) = shared.book.session() else {
        return false;
    };
    let answer = shared.calls.acknowledge(&session, task, agent, uuid).await;
    let taken = answer == Answer::Taken;
    shared.book.note(Seen::Acknowledged {
        task: task.clone(),
        uuid: uuid.clone(),
        answer,
    });
    taken
}
