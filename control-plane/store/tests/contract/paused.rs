//! An owner stopped in the midst of its commit, at every point where it can be.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use insula_store::{CommitError, CommitNo, Ownership, Store};
use insula_types::record::Record;

use crate::sample;
use crate::site::{PARTITION, Site, cell, claim, commit, take};

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

/// The output, if the future came to its end within that many polls.
async fn poll_times<F: Future>(future: Pin<&mut F>, left: usize) -> Option<F::Output> {
    PollTimes { future, left }.await
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

async fn assert_all_or_nothing(store: &Store, committed: bool) {
    let rows = store.load(&cell()).await.unwrap();
    let counts = [
        rows.roles.len(),
        rows.agents.len(),
        rows.frameworks.len(),
        rows.tasks.len(),
    ];
    assert_eq!(counts, [usize::from(committed); 4]);
}

/// What the paused owner was told fits what the next one found.
fn assert_told(result: &Result<CommitNo, CommitError>, committed: bool) {
    match result {
        Ok(_) => assert!(committed),
        Err(CommitError::Fenced { .. } | CommitError::Failed { .. }) => assert!(!committed),
        Err(CommitError::OutcomeUnknown { .. }) => {}
    }
}

/// Takes the partition and commits nothing, so that the pauses are in a commit and not on the way to
/// the database.
async fn own(store: &Store) -> Ownership {
    let owner = take(store).await;
    let commit_no = commit(store, &owner, owner.commit_no, vec![]).await;
    Ownership {
        commit_no: commit_no.unwrap(),
        ..owner
    }
}

#[tokio::test]
async fn a_takeover_during_a_commit_leaves_one_winner() {
    each_pause(a_takeover).await;
}

/// SQLite lets nobody write in the midst of another's transaction: the taker is told so in time, and
/// takes over later. Postgres ends that transaction. Once the taker has taken over, the paused one is
/// too late.
async fn a_takeover(site: &Site, polls: usize) -> bool {
    let old = site.open().await;
    let paused = own(&old).await;
    let new = site.open_beside().await;
    let mut writing = Box::pin(commit(&old, &paused, paused.commit_no, records()));
    let ended = poll_times(writing.as_mut(), polls).await;
    let finished = ended.is_some();
    let taken = new.take(PARTITION, &claim()).await;
    let result = match ended {
        Some(result) => result,
        None => writing.await,
    };
    let owner = match taken {
        Ok(owner) => owner,
        Err(refused) => {
            assert!(matches!(site, Site::Directory(_)), "{refused}");
            take(&new).await
        }
    };
    let committed = owner.commit_no > paused.commit_no;
    assert_told(&result, committed);
    assert_all_or_nothing(&new, committed).await;
    let next = commit(&new, &owner, owner.commit_no, records()).await;
    assert_eq!(next.unwrap(), owner.commit_no.next());
    finished
}

#[tokio::test]
async fn a_commit_that_was_cut_off_happened_whole_or_not_at_all_and_the_number_tells() {
    each_pause(a_crash).await;
}

async fn a_crash(site: &Site, polls: usize) -> bool {
    let old = site.open().await;
    let crashed = own(&old).await;
    let mut writing = Box::pin(commit(&old, &crashed, crashed.commit_no, records()));
    let ended = poll_times(writing.as_mut(), polls).await;
    drop(writing);
    drop(old);
    let store = site.open().await;
    let owner = take(&store).await;
    assert_all_or_nothing(&store, owner.commit_no > crashed.commit_no).await;
    match ended {
        Some(result) => {
            assert_eq!(result.unwrap(), owner.commit_no);
            true
        }
        None => false,
    }
}

/// Tells the story on every site, with a pause of the commit wherever it can be, until it finished.
async fn each_pause(story: impl AsyncFn(&Site, usize) -> bool) {
    let mut pauses = 0;
    while !story(&Site::sqlite(), pauses).await {
        pauses += 1;
        assert!(pauses < POLLS_MAX, "no commit needs that many polls");
    }
    // One database for all: to make one takes longer than the whole story.
    let Some(site) = Site::postgres() else { return };
    let mut pauses = 0;
    while !story(&site, pauses).await {
        pauses += 1;
        assert!(pauses < POLLS_MAX, "no commit needs that many polls");
        let empty = "DELETE FROM role; DELETE FROM agent; DELETE FROM framework; DELETE FROM task";
        site.tamper(empty).await;
    }
}
