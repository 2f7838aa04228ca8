//! Keeps the load going; now and then uses an offer that it must not use.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval, sleep};

use super::Shared;
use super::book::{Offer, Session};
use super::calls::TASK_CPU_MILLIS;
use crate::history::{Answer, Seen};

/// Ticks in a second; in each, a share of the short tasks becomes due.
const TICKS: u32 = 10;
/// Short tasks that wait for an offer at most: what is due beyond that during an outage is dropped.
const BACKLOG_MAX: usize = 20;
/// One launch in so many is repeated with the offer that it has used up.
const MISUSE_EVERY: usize = 16;
/// Pause before a kill is sent again.
const AGAIN: Duration = Duration::from_millis(200);

pub(super) async fn run(shared: Arc<Shared>) {
    let mut working = shared.working.subscribe();
    let mut ticks = interval(Duration::from_secs(1) / TICKS);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut backlog = Backlog::default();
    let mut launches = 0;
    // The sender lives as long as this loop.
    while working.wait_for(|working| *working).await.is_ok() {
        ticks.tick().await;
        backlog.add(shared.wanted.load.per_second);
        let Some(session) = shared.book.session() else {
            continue;
        };
        if let Some(stale) = shared.book.take_stale() {
            launch(&shared, &session, &stale, 1, false).await;
        }
        launches += work(&shared, &session, &mut backlog, launches).await;
    }
}

/// Short tasks that are due, in fractions of a task.
#[derive(Default)]
struct Backlog {
    ticked: u32,
    due: usize,
}

impl Backlog {
    fn add(&mut self, per_second: u32) {
        self.ticked += per_second;
        let whole = self.ticked / TICKS;
        self.ticked %= TICKS;
        let due = self.due + usize::try_from(whole).unwrap_or(0);
        self.due = due.min(BACKLOG_MAX);
    }
}

/// Launches what is due with the offers in hand; returns how many launches that were.
async fn work(shared: &Shared, session: &Session, backlog: &mut Backlog, before: usize) -> usize {
    let mut launches = 0;
    loop {
        let missing = shared
            .wanted
            .load
            .endless
            .saturating_sub(shared.book.endless().len());
        let (wanted, endless) = if missing > 0 {
            (missing, true)
        } else {
            (backlog.due, false)
        };
        if wanted == 0 || !*shared.working.borrow() {
            return launches;
        }
        let Some(offer) = shared.book.take_offer() else {
            return launches;
        };
        let room = usize::try_from(offer.cpu_millis / TASK_CPU_MILLIS).unwrap_or(0);
        let count = wanted.min(room);
        if count == 0 {
            continue;
        }
        let answer = launch(shared, session, &offer, count, endless).await;
        launches += 1;
        if !endless && answer == Answer::Taken {
            backlog.due -= count;
        }
        if (before + launches).is_multiple_of(MISUSE_EVERY) {
            launch(shared, session, &offer, 1, false).await;
        }
        if answer != Answer::Taken {
            return launches;
        }
    }
}

async fn launch(
    shared: &Shared,
    session: &Session,
    offer: &Offer,
    count: usize,
    endless: bool,
) -> Answer {
    let tasks = shared.book.names(count);
    let command = shared.starts.command(shared.wanted.load.short, endless);
    shared.book.launching(&offer.agent, &tasks, endless);
    let sent_us = shared.book.now_us();
    let answer = shared.calls.launch(session, offer, &tasks, &command).await;
    shared.book.note(Seen::Accepted {
        sent_us,
        offer: offer.id.clone(),
        tasks,
        endless,
        answer: answer.clone(),
    });
    if answer == Answer::Unknown {
        shared.doubt.notify_one();
    }
    answer
}

/// Asks for the end of all endless tasks until none is left.
pub(super) async fn kill_all(shared: &Shared) {
    loop {
        let left = shared.book.endless();
        if left.is_empty() {
            return;
        }
        for task in left {
            if let Some(session) = shared.book.session() {
                let agent = shared.book.agent_of(&task);
                let answer = shared.calls.kill(&session, &task, agent.as_deref()).await;
                shared.book.note(Seen::Killed { task, answer });
            }
        }
        sleep(AGAIN).await;
    }
}
