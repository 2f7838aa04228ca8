//! Loads the cells of a partition one by one, so that each is served as soon as it is loaded.

use std::collections::VecDeque;
use std::future;
use std::time::Duration;

use insula_kernel::{Kernel, Numbering};
use insula_store::Store;
use insula_types::CellId;
use tokio::runtime::Handle;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::load::{Failed, Under, load};

/// The pause after a load of a cell that failed; doubles up to [`PAUSE_LAST`].
const PAUSE_FIRST: Duration = Duration::from_millis(200);
/// A cell whose rows were repaired is served again within this time.
const PAUSE_LAST: Duration = Duration::from_secs(30);

/// A cell that is to be loaded.
#[derive(Debug)]
struct Due {
    cell: CellId,
    numbering: Option<Numbering>,
    failures: u32,
    not_before: Instant,
}

/// What became of one load.
pub(super) struct Loaded {
    pub(super) cell: CellId,
    pub(super) result: Result<Box<Kernel>, Failed>,
}

struct UnderWay {
    due: Due,
    kernel: JoinHandle<Result<Box<Kernel>, Failed>>,
}

/// See the module. Belongs to one epoch.
pub(super) struct Loader {
    store: Store,
    io: Handle,
    under: Under,
    waiting: VecDeque<Due>,
    under_way: Option<UnderWay>,
}

impl Loader {
    pub(super) fn new(store: Store, io: Handle, under: Under) -> Self {
        Self {
            store,
            io,
            under,
            waiting: VecDeque::new(),
            under_way: None,
        }
    }

    /// A cell is to be loaded; with what its former kernel of this epoch has numbered, if there was
    /// one.
    pub(super) fn add(&mut self, cell: CellId, numbering: Option<Numbering>) {
        self.waiting.push_back(Due {
            cell,
            numbering,
            failures: 0,
            not_before: Instant::now(),
        });
    }

    /// Begins with the next cell, unless one is under way. The rows of a cell that `is_unsettled` must
    /// not be read yet.
    pub(super) fn begin(&mut self, is_unsettled: impl Fn(&CellId) -> bool) {
        if self.under_way.is_some() {
            return;
        }
        let now = Instant::now();
        let is_ready = |due: &Due| due.not_before <= now && !is_unsettled(&due.cell);
        let Some(place) = self.waiting.iter().position(is_ready) else {
            return;
        };
        let Some(due) = self.waiting.remove(place) else {
            return;
        };
        let under = Under {
            numbering: due.numbering,
            ..self.under.clone()
        };
        let kernel = load(self.store.clone(), due.cell.clone(), under);
        let kernel = self.io.spawn(kernel);
        self.under_way = Some(UnderWay { due, kernel });
    }

    /// The next that is loaded, or could not be and is tried again later; nothing when it is time to
    /// [`Self::begin`] with another. Cancel-safe.
    pub(super) async fn next(&mut self) -> Option<Loaded> {
        let Some(under_way) = &mut self.under_way else {
            self.pause().await;
            return None;
        };
        let result = (&mut under_way.kernel).await;
        let UnderWay { due, .. } = self.under_way.take()?;
        let result = result.unwrap_or(Err(Failed::Panicked));
        let cell = due.cell.clone();
        if result.is_err() {
            self.retry(due);
        }
        Some(Loaded { cell, result })
    }

    fn retry(&mut self, due: Due) {
        let failures = due.failures + 1;
        let pause = PAUSE_FIRST * 2u32.saturating_pow(due.failures.min(16));
        self.waiting.push_back(Due {
            failures,
            not_before: Instant::now() + pause.min(PAUSE_LAST),
            ..due
        });
    }

    async fn pause(&self) {
        match self.waiting.iter().map(|due| due.not_before).min() {
            // One that is due already waits for its commit, which wakes the driver by itself.
            Some(at) if at > Instant::now() => tokio::time::sleep_until(at).await,
            _ => future::pending().await,
        }
    }
}
