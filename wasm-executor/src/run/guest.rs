//! Running one guest.

use std::time::{Duration, Instant};

use wasmtime::{Engine, Store};

use super::ended::{Verdict, judge, judge_start, stopped};
use super::stop::deadline;
use super::{End, Ended, Stop, Task};
use crate::capability::{Host, Output, wasi};
use crate::limits::Limiter;
use crate::module::{Prepared, Program};

/// How long a guest that must stop may take to reach the end of its time slice before it is
/// dropped where it is: ten slices. A guest that computes stops by itself within one when threads
/// are free, and its backtrace tells where it was; one that waits in a host call never does.
const STOP_GRACE: Duration = Duration::from_millis(20);

/// Ticks until a new guest is asked the first time: one whole slice at least. After a single tick a
/// guest that happens to start just before one would go to the end of the queue for nothing.
const FIRST_SLICE_TICKS: u64 = 2;

/// Runs one task to its end. Never fails: every fault is an end.
///
/// A kill or the end of the wall time stops the guest at once. A guest cannot observe a signal, so
/// there is no grace in which it could tidy up. `running` is called when the guest is instantiated.
pub(crate) async fn run(
    engine: &Engine,
    prepared: &Prepared,
    task: &Task,
    stop: &Stop,
    running: impl FnOnce() + Send,
) -> Ended {
    let output = match Output::open(&task.sandbox, task.output_limit) {
        Ok(output) => output,
        Err(error) => return start_failed(&error),
    };
    let wasi = match wasi::context(task, &output, prepared.uses_files) {
        Ok(wasi) => wasi,
        Err(error) => return start_failed(&error),
    };
    let host = Host {
        wasi,
        limiter: Limiter::new(task.memory_limit),
    };
    let mut store = Store::new(engine, host);
    store.limiter(|host| &mut host.limiter);
    store.set_epoch_deadline(FIRST_SLICE_TICKS);
    let ended = run_in(store, &prepared.program, task, stop, running).await;
    output.finish();
    ended
}

async fn run_in(
    mut store: Store<Host>,
    program: &Program,
    task: &Task,
    stop: &Stop,
    running: impl FnOnce() + Send,
) -> Ended {
    let start = Instant::now();
    // Instantiation may run code of the guest, so the deadline counts from its beginning.
    let deadline = deadline(start, task.wall);
    let at_tick = stop.clone();
    store.epoch_deadline_callback(move |_| at_tick.at_tick(deadline));
    let mut started = None;
    let called = {
        let call = call(&mut store, program, || {
            started = Some(Instant::now());
            running();
        });
        tokio::pin!(call);
        tokio::select! {
            called = &mut call => Ok(called),
            interrupted = stop.due(deadline) => {
                tokio::time::timeout(STOP_GRACE, call).await.map_err(|_| interrupted)
            }
        }
    };
    let end = Instant::now();
    let limiter = &store.data().limiter;
    let verdict = match called {
        Ok(Ok(code)) => judge(Ok(code), limiter),
        Ok(Err(error)) if started.is_some() || is_guests(&error) => judge(Err(error), limiter),
        Ok(Err(error)) => judge_start(&error, limiter),
        Err(interrupted) => stopped(interrupted),
    };
    let first = started.unwrap_or(end);
    let Verdict {
        end: how,
        message,
        backtrace,
    } = verdict;
    Ended {
        end: how,
        message,
        backtrace,
        instantiate: first - start,
        run: end - first,
        peak_memory: limiter.peak(),
    }
}

/// Instantiates and calls the program; the exit code if it returns. `started` is called in between.
async fn call(
    store: &mut Store<Host>,
    program: &Program,
    started: impl FnOnce() + Send,
) -> wasmtime::Result<i32> {
    match program {
        Program::Core(pre) => {
            let instance = pre.instantiate_async(&mut *store).await?;
            let start = instance.get_typed_func::<(), ()>(&mut *store, "_start")?;
            started();
            start.call_async(store, ()).await.map(|()| 0)
        }
        Program::Component(pre) => {
            let command = pre.instantiate_async(&mut *store).await?;
            started();
            let returned = command.wasi_cli_run().call_run(store).await?;
            Ok(if returned.is_ok() { 0 } else { 1 })
        }
    }
}

/// Whether an error came from code of the guest that ran during instantiation.
fn is_guests(error: &wasmtime::Error) -> bool {
    error.is::<wasmtime::WasmBacktrace>()
}

fn start_failed(error: &dyn std::error::Error) -> Ended {
    let cause = error
        .source()
        .map(|source| format!(": {source}"))
        .unwrap_or_default();
    Ended::before_start(End::StartFailed, format!("{error}{cause}"))
}
