//! A Mesos framework of our own: JSON over the v1 HTTP API, through the load balancer, as careful as
//! the documentation of Mesos asks frameworks to be, and a little nasty.
//!
//! Four loops share one [`book`](book::Book): `listen` keeps a subscription, `work` keeps a load of
//! tasks going, `acknowledge` answers updates, `reconcile` asks after tasks that nobody speaks of.

mod acknowledge;
mod book;
mod calls;
mod listen;
mod reconcile;
mod records;
mod starts;
mod work;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;
use tokio::time::Instant;

use crate::history::{Entry, Evidence, Outages, Rows, State};
use crate::http::Http;
use crate::wait::until_within;
use book::Book;
use calls::Calls;
pub(crate) use starts::{Starts, lives};

/// Which tasks a framework keeps going.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Load {
    /// Short tasks begun in a second.
    pub per_second: u32,
    /// How long a short task takes.
    pub short: Duration,
    /// How many tasks run until they are killed.
    pub endless: usize,
}

/// What a framework shall be.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// Its name, with which its tasks' names begin.
    pub name: String,
    /// Whom to call, with what credential.
    pub http: Http,
    /// How long it may be away before its tasks are killed.
    pub failover_timeout: Duration,
    /// The longest silence of the event stream before it is taken for dead.
    pub silence: Duration,
    /// What it runs.
    pub load: Load,
    /// Where each task writes that it starts.
    pub starts: PathBuf,
    /// When the run began.
    pub began: Instant,
}

/// A framework that runs. Dropping it ends it without a word.
#[derive(Debug)]
pub struct Framework {
    shared: Arc<Shared>,
    loops: Vec<JoinHandle<()>>,
}

/// What the loops share.
#[derive(Debug)]
struct Shared {
    wanted: Wanted,
    book: Book,
    calls: Calls,
    starts: Starts,
    /// Whether new tasks are begun.
    working: watch::Sender<bool>,
    /// Told when nobody knows whether a call was applied: only a new stream makes sure that it will
    /// not be applied later, when it comes out of wherever it got stuck.
    doubt: Notify,
}

impl Framework {
    /// Subscribes and begins to work.
    #[must_use]
    pub fn start(wanted: Wanted) -> Self {
        let shared = Arc::new(Shared {
            book: Book::new(&wanted),
            calls: Calls::new(wanted.http.clone()),
            starts: Starts::in_file(wanted.starts.clone()),
            working: watch::Sender::new(true),
            doubt: Notify::new(),
            wanted,
        });
        let (to_acknowledge, updates) = acknowledge::queue();
        let loops = vec![
            tokio::spawn(listen::run(Arc::clone(&shared), to_acknowledge)),
            tokio::spawn(acknowledge::run(Arc::clone(&shared), updates)),
            tokio::spawn(work::run(Arc::clone(&shared))),
            tokio::spawn(reconcile::run(Arc::clone(&shared))),
        ];
        Self { shared, loops }
    }

    /// Waits until its load is what was asked for: all endless tasks run, and a short one has ended.
    ///
    /// # Panics
    /// If that does not come.
    pub async fn until_steady(&self) {
        let wanted = self.shared.wanted.load;
        self.until("a steady load", |book| {
            book.endless_running() >= wanted.endless
                && (wanted.per_second == 0 || book.finished() > 0)
        })
        .await;
    }

    /// Waits until a task runs that was launched after `since`; returns how long after `since` that
    /// was seen.
    ///
    /// # Panics
    /// If that does not come.
    pub async fn until_works_again(&self, since: Instant) -> Duration {
        let began = self.shared.wanted.began;
        let since_us = micros(since.duration_since(began));
        let at = self
            .wait("a task launched after the fault to run", |book| {
                book.first_running_of_those_launched_after(since_us)
            })
            .await;
        Duration::from_micros(at.saturating_sub(since_us))
    }

    /// How long launches of short tasks took from the call until the task was known to run, for those
    /// called between two moments.
    #[must_use]
    pub fn latencies(&self, from: Instant, to: Instant) -> Vec<Duration> {
        let began = self.shared.wanted.began;
        let span = micros(from.duration_since(began))..micros(to.duration_since(began));
        self.shared.book.latencies(span)
    }

    /// Begins no new tasks, kills the endless ones, and waits until of every task the end is known
    /// and acknowledged.
    ///
    /// # Panics
    /// If that does not come, with the tasks that are left.
    pub async fn come_to_rest(&self) {
        self.shared.working.send_replace(false);
        work::kill_all(&self.shared).await;
        self.until("all tasks to be over", |book| book.open().is_empty())
            .await;
    }

    /// Those of its tasks that run until they are killed.
    #[must_use]
    pub fn endless(&self) -> Vec<String> {
        self.shared.book.endless()
    }

    /// On which agent it started a task.
    #[must_use]
    pub fn agent_of(&self, task: &str) -> Option<String> {
        self.shared.book.agent_of(task)
    }

    /// The last that it heard of a task.
    #[must_use]
    pub fn state(&self, task: &str) -> Option<State> {
        self.shared.book.state(task)
    }

    /// How often it has subscribed.
    #[must_use]
    pub fn subscriptions(&self) -> usize {
        self.shared.book.subscriptions()
    }

    /// Its id, once it has subscribed.
    #[must_use]
    pub fn id(&self) -> Option<String> {
        self.shared.book.id()
    }

    /// What it did and saw so far.
    #[must_use]
    pub fn entries(&self) -> Vec<Entry> {
        self.shared.book.entries()
    }

    /// What it and its tasks tell, without what the database does.
    #[must_use]
    pub fn evidence(&self) -> Evidence {
        let (starts, ends) = self.shared.starts.read();
        let alive = starts.iter().filter(|start| lives(start));
        Evidence {
            entries: self.entries(),
            alive: alive.map(|start| start.task.clone()).collect(),
            starts,
            ends,
            rows: Rows::Unknown,
            outages: Outages::OfOurs,
        }
    }

    async fn until(&self, what: &str, is_so: impl Fn(&Book) -> bool) {
        self.wait(what, |book| is_so(book).then_some(())).await;
    }

    async fn wait<T>(&self, what: &str, look: impl Fn(&Book) -> Option<T>) -> T {
        let what = format!("{what}, as framework {} sees it", self.shared.wanted.name);
        let shared = &self.shared;
        let seen = until_within(PATIENCE, &what, || {
            let seen = look(&shared.book);
            async move { seen }
        });
        seen.await
    }
}

/// How long a framework waits for anything. An update that got lost on its way comes again after ten
/// seconds, then twenty.
const PATIENCE: Duration = Duration::from_secs(90);

impl Drop for Framework {
    fn drop(&mut self) {
        for task in &self.loops {
            task.abort();
        }
        if std::thread::panicking() {
            self.shared.book.complain();
        }
    }
}

fn micros(span: Duration) -> u64 {
    u64::try_from(span.as_micros()).unwrap_or(u64::MAX)
}
