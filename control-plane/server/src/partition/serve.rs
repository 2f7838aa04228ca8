//! The loop: inputs are stepped while the one commit is in flight.

use std::future;
use std::time::Duration;

use insula_types::CellId;
use tokio::sync::mpsc;
use tokio::task::JoinError;
use tokio::time::{Interval, MissedTickBehavior};

use super::commit::{Done, Failure, InFlight, done};
use super::handle::Request;
use super::in_stream::{FromLink, InStream};
use super::live::Live;
use super::loader::Loaded;
use super::owner::{Owner, Stop};

/// Most requests that are taken at once.
const TAKEN_MAX: usize = 256;

/// How serving ended as it should.
pub(super) enum Served {
    /// Told to stop: everything stepped was committed and released.
    Flushed,
    /// Ended as by a crash: the driver was dropped, or the last commit failed.
    Abandoned,
}

/// What made the loop turn.
enum Woken {
    Committed(Result<Done, JoinError>),
    Stop(Stop),
    LeaseLost,
    Loaded(Option<Loaded>),
    Found(Vec<CellId>),
    Arrived,
    Due,
    Tick,
}

/// What arrived in one turn.
#[derive(Default)]
struct Inbox {
    requests: Vec<Request>,
    from_links: Vec<FromLink>,
}

impl Owner {
    /// Serves with what was loaded, until told to stop or a commit fails.
    pub(super) async fn serve(&mut self, live: &mut Live) -> Result<Served, Failure> {
        let mut in_flight = None;
        let mut inbox = Inbox::default();
        let mut tick = tokio::time::interval(self.every);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            self.advance(live, &mut in_flight);
            match self.wake(live, &mut in_flight, &mut inbox, &mut tick).await {
                Woken::Committed(result) => {
                    let commit = in_flight.take();
                    live.settle(commit, result)?;
                }
                Woken::Stop(Stop::Abandon) => return Ok(Served::Abandoned),
                Woken::Stop(Stop::Flush) => return Ok(self.finish(live, in_flight).await),
                Woken::LeaseLost => return Err(Failure::LeaseLost),
                Woken::Loaded(loaded) => self.note_loaded(live, loaded),
                Woken::Found(cells) => {
                    for cell in cells {
                        live.admit(&self.port, &cell);
                    }
                }
                Woken::Tick if live.is_hopeless(in_flight.as_ref()) => {
                    return Err(Failure::GivenUp);
                }
                Woken::Tick => self.tick(live),
                Woken::Arrived | Woken::Due => {}
            }
            for from_link in inbox.from_links.drain(..) {
                live.hear(from_link);
            }
            for request in inbox.requests.drain(..) {
                live.take(request);
            }
            live.step_turn()?;
        }
    }

    /// Waits until there is something to do. While the pipeline is full nothing is stepped: inputs
    /// and timers wait, and once their queues are full whoever sends inputs does.
    async fn wake(
        &mut self,
        live: &mut Live,
        in_flight: &mut Option<InFlight>,
        inbox: &mut Inbox,
        tick: &mut Interval,
    ) -> Woken {
        let may_step = !live.pipeline.is_full();
        let is_busy = may_step && live.cells.is_busy();
        let due = live.pipeline.next_timeout().map(|(_, at)| at);
        let due = due.map(|at| Duration::from(at.since(live.clock.now())));
        let may_hear = live.cells.has_room_for_links();
        let (lease, epoch) = (live.lease.clone(), live.epoch);
        tokio::select! {
            biased;
            result = done(in_flight) => Woken::Committed(result),
            stop = self.stop.told() => Woken::Stop(stop),
            () = async {
                match &lease {
                    Some(lease) => lease.lost(epoch).await,
                    None => future::pending().await,
                }
            } => Woken::LeaseLost,
            _ = tick.tick() => Woken::Tick,
            loaded = live.loader.next() => Woken::Loaded(loaded),
            Some(cells) = self.found.recv() => Woken::Found(cells),
            () = arrivals(&mut self.requests, &mut live.in_stream, may_hear, inbox) => Woken::Arrived,
            () = pause(due), if may_step => Woken::Due,
            () = future::ready(()), if is_busy => Woken::Due,
        }
    }

    /// Starts the next commit if none is in flight, lets out what may leave, and begins what waited
    /// for either.
    pub(super) fn advance(&self, live: &mut Live, in_flight: &mut Option<InFlight>) {
        live.release();
        if in_flight.is_none()
            && let Some(commit) = live.pipeline.poll_commit()
        {
            let store = self.store.clone();
            let partition = self.port.partition();
            let begun = InFlight::begin(&self.io, store, partition, live.epoch, commit);
            *in_flight = Some(begun);
        }
        live.outputs.links.tell_applied();
        live.trim();
        while let Some(link) = live.outputs.links.next_stuck() {
            tracing::warn!(%link, "a link takes no more messages and is ended");
            live.end_link(&link);
        }
        let pipeline = &live.pipeline;
        live.loader.begin(|cell| pipeline.is_being_committed(cell));
        if let Some(lease) = &live.lease {
            lease.progress();
        }
    }

    /// Takes no more requests, and flushes. There is no second try: whoever stops waits.
    async fn finish(&mut self, live: &mut Live, in_flight: Option<InFlight>) -> Served {
        self.close().await;
        live.close();
        let flushed = self.flush(live, in_flight).await;
        live.refuse_heard();
        match flushed {
            Ok(()) => Served::Flushed,
            Err(failure) => {
                let error: &dyn std::error::Error = &failure;
                tracing::error!(error, "the last changes were not committed");
                Served::Abandoned
            }
        }
    }

    /// Commits and releases all that was stepped.
    async fn flush(
        &mut self,
        live: &mut Live,
        mut in_flight: Option<InFlight>,
    ) -> Result<(), Failure> {
        loop {
            self.advance(live, &mut in_flight);
            if in_flight.is_none() {
                return Ok(());
            }
            let result = done(&mut in_flight).await;
            live.settle(in_flight.take(), result)?;
        }
    }
}

/// Takes what arrives, of whichever comes first. Cancel-safe.
async fn arrivals(
    requests: &mut mpsc::UnboundedReceiver<Request>,
    in_stream: &mut Option<InStream>,
    may_hear: bool,
    inbox: &mut Inbox,
) {
    let hear = async {
        match in_stream {
            Some(in_stream) if may_hear => {
                in_stream.next_many(&mut inbox.from_links, TAKEN_MAX).await
            }
            _ => future::pending().await,
        }
    };
    tokio::select! {
        _ = hear => {}
        _ = requests.recv_many(&mut inbox.requests, TAKEN_MAX) => {}
    }
}

/// Waits until a timer is due; for ever, if there is none. Cancel-safe.
async fn pause(due: Option<Duration>) {
    match due {
        Some(due) => tokio::time::sleep(due).await,
        None => future::pending().await,
    }
}
