//! The owner of a partition from its start to its end, across failed commits.

use std::time::Duration;

use insula_store::Store;
use insula_types::Epoch;
use tokio::sync::{mpsc, oneshot};

use super::load::{Live, load};
use super::outputs::Outputs;
use super::serve::{Failure, Served};
use super::{Options, Request, Unavailable};

/// The pause after a load that failed; doubles up to [`RETRY_LAST`].
const RETRY_FIRST: Duration = Duration::from_millis(100);
/// A store that is back is used again within this time.
const RETRY_LAST: Duration = Duration::from_secs(5);

/// Everything that the driver's thread owns.
#[derive(Debug)]
pub(super) struct Owner {
    pub(super) store: Store,
    pub(super) options: Options,
    /// Where commits run, so that stepping never delays one.
    pub(super) io: tokio::runtime::Handle,
    pub(super) requests: mpsc::Receiver<Request>,
    pub(super) outputs: Outputs,
    /// Resolves when the driver is to stop; an error if it was dropped.
    pub(super) stop: oneshot::Receiver<()>,
}

impl Owner {
    /// Serves until it is told to stop; says whether everything was flushed. Whoever still waits is
    /// told that nobody answers, and every session ends.
    pub(super) async fn run(mut self, live: Live) -> bool {
        let flushed = self.own(live).await;
        self.close().await;
        self.outputs.fail(true);
        flushed
    }

    /// A failed commit leaves the kernel ahead of the truth. It is dropped, every session ends, and
    /// the partition is taken anew, for as long as it takes (rule R2).
    async fn own(&mut self, mut live: Live) -> bool {
        loop {
            match self.serve(&mut live).await {
                Ok(Served::Flushed) => return true,
                Ok(Served::Abandoned) => return false,
                Err(failure) => self.give_up(live.epoch, &failure),
            }
            drop(live);
            match self.reload().await {
                Some(loaded) => live = loaded,
                None => return false,
            }
        }
    }

    fn give_up(&mut self, epoch: Epoch, failure: &Failure) {
        let error: &dyn std::error::Error = failure;
        tracing::error!(
            error,
            %epoch,
            "the partition is loaded anew; all sessions end and come back by themselves"
        );
        self.outputs.fail(failure.is_uncertain());
    }

    /// Takes the partition anew, as soon as the store lets it; nothing if told to stop meanwhile.
    ///
    /// Whatever comes in before that is refused: certainly nothing was done.
    async fn reload(&mut self) -> Option<Live> {
        let mut pause = RETRY_FIRST;
        loop {
            let loaded = tokio::select! {
                _ = &mut self.stop => return None,
                () = refuse_all(&mut self.requests) => return None,
                loaded = load(&self.store, &self.options) => loaded,
            };
            match loaded {
                Ok(live) => {
                    self.begin_afresh(&live);
                    return Some(live);
                }
                Err(error) => {
                    let error: &dyn std::error::Error = &error;
                    tracing::error!(error, ?pause, "cannot load the partition; trying again");
                }
            }
            tokio::select! {
                _ = &mut self.stop => return None,
                () = refuse_all(&mut self.requests) => return None,
                () = tokio::time::sleep(pause) => {}
            }
            pause = (pause * 2).min(RETRY_LAST);
        }
    }

    /// Ends the sessions that were opened while nobody served: some of their inputs were refused.
    fn begin_afresh(&mut self, live: &Live) {
        self.outputs.sessions.close_all();
        while let Ok(request) = self.requests.try_recv() {
            refuse(request);
        }
        tracing::info!(epoch = %live.epoch, "the partition is served again");
    }

    /// Takes no more requests, and refuses those that nobody will step any more.
    pub(super) async fn close(&mut self) {
        self.requests.close();
        refuse_all(&mut self.requests).await;
    }
}

/// Refuses requests as they come, until the queue is closed or no handle is left. Cancel-safe.
async fn refuse_all(requests: &mut mpsc::Receiver<Request>) {
    while let Some(request) = requests.recv().await {
        refuse(request);
    }
}

fn refuse(request: Request) {
    match request {
        Request::Ask(_, _, answer) => {
            // Whoever asked may have gone away meanwhile.
            let _ = answer.send(Err(Unavailable { uncertain: false }));
        }
        // Nobody waits for an input, and dropping a query tells whoever waits for it.
        Request::Submit(_) | Request::Query(_) => {}
    }
}
