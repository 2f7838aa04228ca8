//! Keeps this replica's membership and leases alive, on a thread and a connection of its own: nothing
//! that the rest of the process is busy with may cost a lease (rule R9).

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use insula_store::{PostgresOptions, Store};
use insula_telemetry::metrics::labels::Answered;
use insula_types::membership::{Beat, Membership, ReplicaState};
use insula_types::{Epoch, PartitionId, ReplicaId, Time};
use tokio::sync::{Notify, oneshot, watch};

use super::Ready;
use crate::partition::{BootClock, Lease, Sessions};

/// The keeper asks one thing at a time.
const CONNECTIONS: u32 = 1;

/// The leases of this replica; cheap to clone.
#[derive(Debug, Clone, Default)]
pub(super) struct Leases(Arc<Mutex<BTreeMap<PartitionId, Arc<Lease>>>>);

impl Leases {
    pub(super) fn add(&self, lease: &Arc<Lease>) {
        self.lock().insert(lease.partition(), Arc::clone(lease));
    }

    pub(super) fn remove(&self, partition: PartitionId) {
        self.lock().remove(&partition);
    }

    /// Those whose drivers make progress.
    fn to_renew(&self) -> Vec<(Arc<Lease>, Epoch)> {
        let leases = self.lock();
        let to_renew = leases.values().filter_map(|lease| {
            let epoch = lease.to_renew()?;
            Some((Arc::clone(lease), epoch))
        });
        to_renew.collect()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<PartitionId, Arc<Lease>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What the keeper is to say of the replica.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wish {
    /// That it is in this state.
    Be(ReplicaState),
    /// That it is gone.
    Leave,
}

/// What a keeper needs.
#[derive(Debug)]
pub(super) struct Keeper {
    pub(super) me: ReplicaId,
    pub(super) advertise: String,
    pub(super) ttl: Duration,
    pub(super) renewal: Duration,
    pub(super) leases: Leases,
    pub(super) wish: watch::Receiver<Wish>,
    pub(super) nudge: Arc<Notify>,
    pub(super) clock: BootClock,
    pub(super) ready: watch::Sender<Ready>,
    /// Those of this process, for what is measured.
    pub(super) sessions: Sessions,
}

/// What others hear of a keeper.
#[derive(Debug)]
pub(super) struct Kept {
    /// What the last beat found. Closed once the replica has left.
    pub(super) found: watch::Receiver<Arc<Membership>>,
    /// How many partitions there are.
    pub(super) partitions: u16,
}

/// Why the keeper did not start.
#[derive(Debug, thiserror::Error)]
pub enum KeeperError {
    /// The database cannot be used.
    #[error("cannot keep this replica's membership")]
    Store(#[from] insula_store::Error),
    /// The system gives no thread.
    #[error("cannot start the thread that keeps leases")]
    Thread(#[from] io::Error),
}

impl Keeper {
    /// Connects, beats for the first time, and goes on with that on a thread of its own, until told
    /// to leave or everybody who could tell it is gone.
    pub(super) async fn start(self, url: String) -> Result<Kept, KeeperError> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let (tell, started) = oneshot::channel();
        let (found, beats) = watch::channel(Arc::default());
        std::thread::Builder::new()
            .name("keeper".to_owned())
            .spawn(move || runtime.block_on(self.run(url, tell, found)))?;
        let ended = || io::Error::other("it ended before it began");
        let partitions = started.await.map_err(|_| ended())??;
        Ok(Kept {
            found: beats,
            partitions,
        })
    }

    async fn run(
        mut self,
        url: String,
        started: oneshot::Sender<Result<u16, insula_store::Error>>,
        found: watch::Sender<Arc<Membership>>,
    ) {
        let store = match self.begin(&url).await {
            Ok((store, membership)) => {
                found.send_replace(Arc::new(membership));
                // Whoever started it waits for that, unless it was dropped meanwhile; then so was
                // whoever could wish for more beats.
                let _ = started.send(Ok(store.partitions()));
                store
            }
            Err(error) => {
                let _ = started.send(Err(error));
                return;
            }
        };
        while self.pause().await {
            let wish = *self.wish.borrow_and_update();
            if wish == Wish::Leave {
                self.leave(&store).await;
                break;
            }
            self.beat(&store, &found).await;
        }
        store.close().await;
    }

    async fn begin(&self, url: &str) -> Result<(Store, Membership), insula_store::Error> {
        let options = PostgresOptions {
            connections: CONNECTIONS,
            patience: self.ttl,
            ..PostgresOptions::default()
        };
        let store = Store::connect(url, options).await?;
        let membership = store.beat(&self.say(&[])).await?;
        Ok((store, membership))
    }

    /// Waits for the next beat; false if there is to be none.
    async fn pause(&mut self) -> bool {
        tokio::select! {
            () = tokio::time::sleep(self.renewal) => true,
            () = self.nudge.notified() => true,
            changed = self.wish.changed() => changed.is_ok(),
        }
    }

    async fn beat(&self, store: &Store, found: &watch::Sender<Arc<Membership>>) {
        let to_renew = self.leases.to_renew();
        let hold: Vec<_> = to_renew
            .iter()
            .map(|(lease, epoch)| (lease.partition(), *epoch))
            .collect();
        let sent = self.clock.now();
        let beat = self.say(&hold);
        let begun = Instant::now();
        let answer = tokio::time::timeout(self.ttl, store.beat(&beat)).await;
        let outcome = match answer {
            Ok(Ok(_)) => Answered::Ok,
            Ok(Err(_)) | Err(_) => Answered::Failed,
        };
        let measures = self.sessions.measures();
        measures.beat.took(outcome, begun.elapsed());
        match answer {
            Ok(Ok(membership)) => {
                settle(&to_renew, &membership, sent);
                if self.note_answer(true) {
                    tracing::info!("leases are renewed again");
                }
                found.send_replace(Arc::new(membership));
            }
            Ok(Err(error)) => {
                let error: &dyn std::error::Error = &error;
                if self.note_answer(false) {
                    tracing::warn!(error, "the leases were not renewed; trying again");
                } else {
                    tracing::debug!(error, "the leases were not renewed again");
                }
            }
            Err(_) => {
                if self.note_answer(false) {
                    tracing::warn!("the leases were not renewed in time; trying again");
                }
            }
        }
    }

    fn say(&self, hold: &[(PartitionId, Epoch)]) -> Beat {
        let state = match *self.wish.borrow() {
            Wish::Be(state) => state,
            Wish::Leave => ReplicaState::Draining,
        };
        Beat {
            replica: self.me.clone(),
            advertise: self.advertise.clone(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            state,
            ttl: self.ttl.into(),
            hold: hold.to_vec(),
        }
    }

    /// Says goodbye. There is no beat after that: it would announce the replica again.
    async fn leave(&self, store: &Store) {
        let left = tokio::time::timeout(self.ttl, store.leave(&self.me)).await;
        if !matches!(left, Ok(Ok(()))) {
            tracing::warn!(
                "this replica could not say goodbye; the others wait for its time to end"
            );
        }
    }

    /// Whether that is news.
    fn note_answer(&self, store_ok: bool) -> bool {
        self.ready.send_if_modified(|ready| {
            let is_news = ready.store_ok != store_ok;
            ready.store_ok = store_ok;
            is_news
        })
    }
}

/// A lease that was to be renewed and was not is lost.
fn settle(to_renew: &[(Arc<Lease>, Epoch)], membership: &Membership, sent: Time) {
    let mut lost = Vec::new();
    for (lease, epoch) in to_renew {
        if membership.held.contains(&lease.partition()) {
            lease.renewed(*epoch, sent);
        } else {
            lease.refused(*epoch);
            lost.push(lease.partition().0);
        }
    }
    if !lost.is_empty() {
        tracing::warn!(partitions = ?lost, "leases are lost; other replicas have these partitions");
    }
}
