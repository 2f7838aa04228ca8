//! An owner stopped in the midst of its commit, at every point where it can be.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use insula_store::{CommitError, CommitNo, Ownership, Store};
use insula_types::record::Record;

use crate::sample;
use crate::site::{PARTITION, Site, cell, commit};

/// Polls a future a number of times and then leaves it as it is.
struct PollTimes<'f, F> {
    future: Pin<&'f mut F>,
    left: usize,
}

impl<F: Future> Future for PollTimes<'_, F> {
    /// The output, if the future came to its end.
    type Output = Option<F::Output>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        if self.left == 0 {
            return Poll::Ready(None);
        }
        self.left -= 1;
        match self.future.as_mut().poll(context) {
            Poll::Ready(output) => Poll::Ready(Some(output)),
            // A pause is a point of its own, also where the future would be woken at once.
            Poll::Pending if self.left == 0 => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        }
    }
}

/// More than any commit needs; a test that comes here has lost its way.
const POLLS_MAX: usize = 1_000;

fn records() -> Vec<Record> {
    let key = sample::framework_key("a", "one");
    vec![
        Record::Role(sample::role("a")),
        Record::Agent(Box::new(sample::plain_agent("agent"))),
        Record::Framework(Box::new(sample::plain_framework(key.clone()))),
        Record::Task(Box::new(sample::plain_task(key, "t", 1))),
    ]
}

async fn assert_all_or_nothing(store: &Store, owner: &Ownership, committed: bool) {
    let rows = store.load(&cell()).await.unwrap();
    let counts = [
        rows.roles.len(),
        rows.agents.len(),
        rows.frameworks.len(),
        rows.tasks.len(),
    ];
    assert_eq!(counts, [usize::from(committed); 4]);
    assert_eq!(owner.commit_no, CommitNo(u64::from(committed)));
}

#[tokio::test]
async fn a_takeover_during_a_commit_leaves_one_winner() {
    for polls in 0..POLLS_MAX {
        let site = Site::durable();
        let old = site.open().await;
        let paused = old.take(PARTITION).await.unwrap();
        let new = site.open_beside().await;
        let mut writing = Box::pin(commit(&old, &paused, paused.commit_no, records()));
        let ended = PollTimes {
            future: writing.as_mut(),
            left: polls,
        }
        .await;
        let finished = ended.is_some();
        // SQLite lets nobody write in the midst of another's transaction: the taker is told so in
        // time, and takes over later. Once it has taken over, the paused one is too late.
        let taken = new.take(PARTITION).await;
        let result = match ended {
            Some(result) => result,
            None => writing.await,
        };
        match (&taken, &result) {
            (Ok(owner), Err(CommitError::Fenced { .. })) => {
                assert_all_or_nothing(&new, owner, false).await;
            }
            (Ok(owner), Ok(_)) => assert_all_or_nothing(&new, owner, true).await,
            (Err(_), Ok(_)) => {
                let owner = new.take(PARTITION).await.unwrap();
                assert_all_or_nothing(&new, &owner, true).await;
            }
            (taken, result) => panic!("paused after {polls} polls: {taken:?}, {result:?}"),
        }
        if finished {
            return;
        }
    }
    panic!("the commit did not end within {POLLS_MAX} polls");
}

#[tokio::test]
async fn a_commit_that_was_cut_off_happened_whole_or_not_at_all_and_the_number_tells() {
    for polls in 0..POLLS_MAX {
        let site = Site::durable();
        let old = site.open().await;
        let crashed = old.take(PARTITION).await.unwrap();
        let mut writing = Box::pin(commit(&old, &crashed, crashed.commit_no, records()));
        let ended = PollTimes {
            future: writing.as_mut(),
            left: polls,
        }
        .await;
        drop(writing);
        drop(old);
        let store = site.open().await;
        let owner = store.take(PARTITION).await.unwrap();
        assert_all_or_nothing(&store, &owner, owner.commit_no > crashed.commit_no).await;
        if let Some(result) = ended {
            assert_eq!(result.unwrap(), owner.commit_no);
            return;
        }
    }
    panic!("the commit did not end within {POLLS_MAX} polls");
}
