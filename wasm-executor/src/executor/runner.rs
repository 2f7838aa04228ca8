//! Starting guests: a module, a slot, a run, and reports about it.

use std::panic::AssertUnwindSafe;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::FutureExt as _;
use insula_proto::insula::wasm::v1::Update;
use tokio::runtime::Handle;
use tokio::sync::{Semaphore, SemaphorePermit, mpsc};
use tracing::Instrument as _;

use super::modules::Modules;
use super::ticker::Ticker;
use crate::module::Prepared;
use crate::protocol;
use crate::run::{End, Ended, Stop, Task, run};

/// One launch that was accepted.
pub(crate) struct Accepted {
    pub(crate) launch_id: String,
    pub(crate) task_id: String,
    pub(crate) traceparent: String,
    pub(crate) task: Task,
    pub(crate) artifact: PathBuf,
    pub(crate) stop: Stop,
}

/// Runs accepted launches, a bounded number at a time, first come first served.
pub(crate) struct Runner {
    guests: Handle,
    shared: Arc<Shared>,
}

struct Shared {
    modules: Modules,
    slots: Semaphore,
    slots_max: u32,
    ticker: Ticker,
    reports: mpsc::UnboundedSender<Update>,
}

impl Runner {
    /// A runner on the threads of `guests`. Every launch gives one report when its guest runs and
    /// one when it has ended; only the latter if it never ran.
    pub(super) fn new(
        guests: Handle,
        modules: Modules,
        slots_max: u32,
        ticker: Ticker,
        reports: mpsc::UnboundedSender<Update>,
    ) -> Self {
        let slots = Semaphore::new(slots_max as usize);
        Self {
            guests,
            shared: Arc::new(Shared {
                modules,
                slots,
                slots_max,
                ticker,
                reports,
            }),
        }
    }

    /// Starts a launch, or lets it wait for a slot. Does not wait itself.
    pub(super) fn start(&self, accepted: Accepted) {
        let shared = Arc::clone(&self.shared);
        let span = tracing::info_span!(
            "task.run",
            launch_id = accepted.launch_id,
            task_id = accepted.task_id,
            traceparent = accepted.traceparent
        );
        self.guests
            .spawn(async move { shared.answer_for(accepted).await }.instrument(span));
    }
}

impl Shared {
    /// Carries a launch out, and reports its end even if a fault of this program ends it: a launch
    /// without an end would be held for ever.
    async fn answer_for(&self, accepted: Accepted) {
        let carried_out = AssertUnwindSafe(self.carry_out(&accepted))
            .catch_unwind()
            .await;
        if carried_out.is_err() {
            let sentence = "a fault in the executor ended the task; please report it";
            let ended = Ended::before_start(End::Trap, sentence.to_owned());
            self.report(protocol::ended(&accepted.launch_id, ended, Duration::ZERO));
        }
    }

    async fn carry_out(&self, accepted: &Accepted) {
        let arrived = Instant::now();
        let (ended, waited) = match self.admit(accepted).await {
            Ok((module, permit)) => {
                let waited = arrived.elapsed();
                let ended = self.run(&module, accepted).await;
                drop(permit);
                (ended, waited)
            }
            Err(ended) => (ended, arrived.elapsed()),
        };
        tracing::debug!(end = ?ended.end, message = ended.message, "the task ended");
        self.report(protocol::ended(&accepted.launch_id, ended, waited));
    }

    /// Waits until the module and a slot are there, or until nobody wants them any more.
    async fn admit(
        &self,
        accepted: &Accepted,
    ) -> Result<(Arc<Prepared>, SemaphorePermit<'_>), Ended> {
        tokio::select! {
            ready = self.module_and_slot(accepted) => {
                ready.map_err(|sentence| Ended::before_start(End::StartFailed, sentence))
            }
            () = accepted.stop.wait() => {
                Err(Ended::before_start(End::Killed, "killed before it started".to_owned()))
            }
        }
    }

    async fn module_and_slot(
        &self,
        accepted: &Accepted,
    ) -> Result<(Arc<Prepared>, SemaphorePermit<'_>), String> {
        let module = self.modules.get(&accepted.artifact).await?;
        if module.slots > self.slots_max {
            return Err(format!(
                "the module needs {} memory slots and the executor has {}",
                module.slots, self.slots_max
            ));
        }
        let permit = self.slots.acquire_many(module.slots).await;
        permit
            .map(|permit| (module, permit))
            .map_err(|_| "the executor is stopping".to_owned())
    }

    async fn run(&self, module: &Prepared, accepted: &Accepted) -> Ended {
        let _ticking = self.ticker.run();
        let running = || self.report(protocol::running(&accepted.launch_id));
        run(
            self.modules.engine(),
            module,
            &accepted.task,
            &accepted.stop,
            running,
        )
        .await
    }

    fn report(&self, update: Update) {
        // Without a receiver the process is on its way out, and nobody is left to tell.
        let _ = self.reports.send(update);
    }
}
