//! Asks after tasks: all when a subscription begins, then those that nobody speaks of.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::sleep;

use super::book::Session;
use super::{Shared, micros};
use crate::history::Seen;

/// Time between two looks.
const LOOK: Duration = Duration::from_millis(250);
/// How long a task may go without a word before it is asked after.
const SILENCE: Duration = Duration::from_secs(3);

pub(super) async fn run(shared: Arc<Shared>) {
    let mut stream = None;
    let mut asked_us = 0;
    loop {
        if let Some(session) = shared.book.session() {
            let now = shared.book.now_us();
            let is_new = stream.as_ref() != Some(&session.stream);
            if is_new {
                ask(&shared, &session, &[]).await;
            }
            // An endless task that runs has nothing to say, and is asked after all the same.
            if is_new || now > asked_us + micros(SILENCE) {
                let silent = shared
                    .book
                    .silent_since(now.saturating_sub(micros(SILENCE)));
                if !silent.is_empty() {
                    ask(&shared, &session, &silent).await;
                }
                asked_us = now;
            }
            stream = Some(session.stream);
        }
        sleep(LOOK).await;
    }
}

async fn ask(shared: &Shared, session: &Session, tasks: &[(String, String)]) {
    let answer = shared.calls.reconcile(session, tasks).await;
    let tasks = tasks.iter().map(|(task, _)| task.clone()).collect();
    shared.book.note(Seen::Reconciled { tasks, answer });
}
