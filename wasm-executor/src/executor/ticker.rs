//! The clock of time slices. It stands still while no guest runs, so that an idle executor does
//! not wake the machine.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::{self, Thread};

use wasmtime::Engine;

use crate::engine::TICK;

/// Advances the engine's epoch while guests run.
pub(crate) struct Ticker {
    running: Arc<AtomicUsize>,
    thread: Thread,
}

/// The clock runs while one of these lives.
pub(crate) struct Ticking<'a>(&'a Ticker);

impl Ticker {
    /// Starts the thread, which ends with the engine.
    ///
    /// # Errors
    /// When there is no thread to be had.
    pub(crate) fn start(engine: &Engine) -> io::Result<Self> {
        let engine = engine.weak();
        let running = Arc::new(AtomicUsize::new(0));
        let guests = Arc::clone(&running);
        let thread = thread::Builder::new()
            .name("ticker".to_owned())
            .spawn(move || {
                while let Some(engine) = engine.upgrade() {
                    engine.increment_epoch();
                    drop(engine);
                    if guests.load(Ordering::Acquire) == 0 {
                        thread::park();
                    } else {
                        thread::sleep(TICK);
                    }
                }
            })?;
        Ok(Self {
            running,
            thread: thread.thread().clone(),
        })
    }

    /// Counts one more guest until the result is dropped.
    pub(crate) fn run(&self) -> Ticking<'_> {
        if self.running.fetch_add(1, Ordering::AcqRel) == 0 {
            // An unpark before the park is not lost: the next park returns at once.
            self.thread.unpark();
        }
        Ticking(self)
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        // A parked thread would not see that the engine is gone.
        self.thread.unpark();
    }
}

impl Drop for Ticking<'_> {
    fn drop(&mut self) {
        self.0.running.fetch_sub(1, Ordering::AcqRel);
    }
}
